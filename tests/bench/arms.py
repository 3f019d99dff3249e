"""Puts what v1 and v2 are measured against in their places, before Django is set up."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

from django.conf import settings
from django.core.signals import setting_changed

IN_PLACE_OF = {"drf": (1, "tests.bench.plain_drf"), "empty": (2, "tests.bench.empty")}


def install_tokens() -> None:
    """The app of the tokens that REST framework's tutorial signs in with."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "rest_framework.authtoken"]


def take_place(name: str) -> None:
    """`drf` answers in the place of v1, `empty` in that of v2."""
    arm, urlconf = IN_PLACE_OF[name]
    canary: Any = settings.CANARY
    change_canary(ARMS={**canary["ARMS"], arm: urlconf})


def change_canary(**changes: Any) -> None:
    """The canary reads its settings once, until it is told of a change."""
    canary: Any = settings.CANARY
    settings.CANARY = {**canary, **changes}
    setting_changed.send(sender=None, setting="CANARY", value=settings.CANARY, enter=True)
