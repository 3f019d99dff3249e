"""System checks: what a site's settings lack, each with the line to add. Importing this package registers them."""

from canary.checks import mapping, parts, urlconfs, wiring

__all__ = ["mapping", "parts", "urlconfs", "wiring"]
