"""System checks for faults that the first client would find otherwise."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks.urls import check_resolver
from django.urls import get_resolver

from canary.conf import canary_conf

MIDDLEWARE = "canary.middleware.CanaryMiddleware"


@checks.register(checks.Tags.urls)
def check_arms(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that both versions' URLconfs are sound; Django itself checks only ROOT_URLCONF."""
    return [message for name in canary_conf().arms.values() for message in check_resolver(get_resolver(name))]


@checks.register(checks.Tags.urls)
def check_middleware(**kwargs: Any) -> list[checks.CheckMessage]:
    if MIDDLEWARE in settings.MIDDLEWARE:
        return []
    hint = f"Add {MIDDLEWARE} to MIDDLEWARE, before anything that looks at the URL."
    return [checks.Error("Nothing routes the API's paths.", hint=hint, id="canary.E001")]
