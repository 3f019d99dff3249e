"""What makes a process a peer, before Django is set up."""

import os
from typing import Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

from django.conf import settings

MIDDLEWARE: Final = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
"""Those of a plain API: neither sessions nor anything of ours."""


def urlconf(name: str) -> str:
    return f"tests.bench.plain_{name}"


def take_place(name: str) -> None:
    """This process is `drf` or `ninja`."""
    settings.ROOT_URLCONF = urlconf(name)
    settings.MIDDLEWARE = MIDDLEWARE
