"""The canary: move the clients of an API from one version to the next. A library without any knowledge of content."""

__version__ = "0.1.0"
