"""A sign-in that is at the provider, kept in a signed cookie of its browser: strangers fill no table of sessions."""

from typing import Final, NamedTuple

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from cms.services.single_sign_on.provider import Attempt

COOKIE: Final = "single_sign_on"
LIFETIME_S: Final = 600
_SALT: Final = "cms.single_sign_on"


class Journey(NamedTuple):
    attempt: Attempt
    next_url: str
    """A page of ours, checked before it was signed."""


def keep_journey(response: HttpResponse, journey: Journey) -> None:
    response.set_cookie(
        COOKIE,
        signing.dumps(journey, salt=_SALT),
        max_age=LIFETIME_S,
        path=reverse("admin:single_sign_on"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # the provider leads back by a link
    )


def forget_journey(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, path=reverse("admin:single_sign_on"), samesite="Lax")


def kept_journey(request: HttpRequest) -> Journey | None:
    """Return the journey that ends with this request: begun by this browser within ten minutes, or none."""
    try:
        attempt, next_url = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=LIFETIME_S)
    except signing.BadSignature:
        return None
    journey = Journey(Attempt(*attempt), next_url)
    return journey if constant_time_compare(journey.attempt.state, request.GET.get("state", "")) else None
