"""Checks of what the canary stands on: the database, time zones, users, the admin site's page, the control API."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from rest_framework.settings import api_settings

from canary.checks.wiring import is_configured
from canary.conf import canary_conf
from canary.core.names import Names, difference_of
from canary.models import Rollout

SQLITE: Final = (
    'Add to DATABASES["default"]: "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command":'
    ' "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}.'
)
PAGE: Final = 'path("admin/canary/", include("canary.pages.urls"))'


@checks.register()
def check_store(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the database keeps a rollout that many processes read and write."""
    if connection.vendor not in ("sqlite", "postgresql"):
        hint = "Use django.db.backends.postgresql, or django.db.backends.sqlite3 on one machine."
        return [checks.Error(f"The canary does not support {connection.vendor}.", hint=hint, id="canary.E009")]
    return [*_sqlite_locks(), *_no_time_zones(), *_no_users()]


@checks.register(checks.Tags.database)
def check_journey(databases: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the settings are about the stored rollout's journey, where databases may be read."""
    try:
        names = Rollout.objects.values_list("stable", "candidate").first() if databases and is_configured() else None
    except DatabaseError:  # before the first `migrate`
        return []
    sentence = difference_of(Names(*names), canary_conf().names) if names else None
    return [checks.Warning(sentence, id="canary.W008")] if sentence else []


def _sqlite_locks() -> Iterator[checks.CheckMessage]:
    options = connection.settings_dict.get("OPTIONS", {})
    is_sound = options.get("transaction_mode") == "IMMEDIATE" and "wal" in options.get("init_command", "").lower()
    if connection.vendor == "sqlite" and not is_sound:
        problem = "SQLite locks the database while the canary writes: requests and observations would fail."
        yield checks.Warning(problem, hint=SQLITE, id="canary.W005")


def _no_time_zones() -> Iterator[checks.CheckMessage]:
    if not settings.USE_TZ:
        yield checks.Error("The canary keeps instants with a time zone.", hint="Add USE_TZ = True.", id="canary.E010")


def _no_users() -> Iterator[checks.CheckMessage]:
    if not apps.is_installed("django.contrib.auth"):
        hint = 'Add "django.contrib.auth" and "django.contrib.contenttypes" to INSTALLED_APPS.'
        yield checks.Error("Nobody can have the right to change the rollout.", hint=hint, id="canary.E011")


@checks.register(checks.Tags.urls)
def check_doors(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check the page and the control API where the site includes them: both are optional."""
    return [*_hidden_page(), *_closed_control_api()]


def _hidden_page() -> Iterator[checks.CheckMessage]:
    try:
        address = reverse("canary_pages:page")
    except NoReverseMatch:
        return
    if not apps.is_installed("django.contrib.admin"):
        hint = 'Add "django.contrib.admin" to INSTALLED_APPS, or take canary.pages.urls out.'
        yield checks.Error("The canary's page is a page of the admin site.", hint=hint, id="canary.E012")
    elif _namespace_at(address) != "canary_pages":
        hint = f"Put {PAGE} before the admin site's own path in {settings.ROOT_URLCONF}."
        yield checks.Error(f"Another view answers at {address}.", hint=hint, id="canary.E013")


def _namespace_at(address: str) -> str:
    try:
        return resolve(address).namespace
    except Resolver404:
        return ""


def _closed_control_api() -> Iterator[checks.CheckMessage]:
    try:
        reverse("canary_control_api")
    except NoReverseMatch:
        return
    if not api_settings.DEFAULT_AUTHENTICATION_CLASSES:
        hint = (
            'Add REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES":'
            ' ["rest_framework.authentication.SessionAuthentication"]}.'
        )
        yield checks.Warning("Nobody can sign in at the control API.", hint=hint, id="canary.W006")
