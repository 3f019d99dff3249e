"""Middleware for pages: their Content-Security-Policy, language and time zone, and the largest form that is read."""

import re
from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware as DjangoCommonMiddleware
from django.middleware.csp import ContentSecurityPolicyMiddleware as DjangoContentSecurityPolicyMiddleware
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.csp import CSP

from cms.http.bodies import BODY_BYTES_MAX
from cms.http.middleware import APIS
from cms.http.unavailable import is_known_outage, unavailable_page

ADMIN: Final = "/admin/"
ROLLOUT: Final = "/admin/canary/"
IN_ENGLISH: Final = re.compile(r"/(?:\Z|api(?:/|\Z)|canary/|metrics\Z)")
"""The home page, and what programs read."""
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
STRANGERS_FORM_BYTES_MAX: Final = 64 * 1024
FORM_BYTES_MAX: Final = 512 * 1024
"""The most of a form whose values are percent-encoded: parsing one takes 27 times as much memory."""


def is_api(request: HttpRequest) -> bool:
    return APIS.match(request.path_info) is not None


class ContentSecurityPolicyMiddleware(DjangoContentSecurityPolicyMiddleware):
    """SECURE_CSP for pages, framed by whom X-Frame-Options allows: browsers that know the policy ignore that header."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if is_api(request):
            return response
        if not hasattr(response, "_csp_config"):
            is_framed = response.get("X-Frame-Options") == "SAMEORIGIN"
            framed_by = {"frame-ancestors": [CSP.SELF if is_framed else CSP.NONE]}
            response._csp_config = {**settings.SECURE_CSP, **framed_by}  # type: ignore[attr-defined]
        answer: HttpResponse = super().process_response(request, response)
        return answer


class PreferencesMiddleware:
    """Pages of the admin site in the time zone and language of their user; all others in the browser's language."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        path = request.path_info
        if IN_ENGLISH.match(path):
            return self.get_response(request)
        if not path.startswith(ADMIN) or not request.user.is_authenticated:
            with translation.override(translation.get_language_from_request(request)):
                response = self.get_response(request)
            # A browser may have Django's cookie of a language: get_language_from_request reads it first.
            patch_vary_headers(response, ["Accept-Language", "Cookie"])
            return response
        user: Any = request.user
        # Those who look after a rollout read the same times: its page names UTC beside each of them.
        zone = None if path.startswith(ROLLOUT) else _zone(user.time_zone)
        with timezone.override(zone), translation.override(_language(user.language)):
            return self.get_response(request)


class FormSizeMiddleware:
    """Refuses a large form unread: CSRF protection parses each before any view, and 12 MB may take 300 MB of memory."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        size = _declared_size(request)
        if size <= STRANGERS_FORM_BYTES_MAX or is_api(request) or size <= _form_bytes_max(request):
            return self.get_response(request)
        return render(request, "413.html", status=413)


def _declared_size(request: HttpRequest) -> int:
    """Return what Django will parse at most; see `bodies.py` for bodies that come without a length."""
    if request.content_type not in FORMS:
        return 0
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:  # Django reads nothing
        return 0


def _form_bytes_max(request: HttpRequest) -> int:
    """Return the limit. Forms with long texts or files are multipart: Django bounds the sum of their fields."""
    if not request.user.is_authenticated:
        return STRANGERS_FORM_BYTES_MAX
    return BODY_BYTES_MAX if request.content_type == "multipart/form-data" else FORM_BYTES_MAX


def _zone(name: str) -> ZoneInfo | None:
    """Return the site's for a zone that this machine does not know (any more)."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, ZoneInfoNotFoundError):
        return None


def _language(code: str) -> str:
    return code if code in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


class CommonMiddleware(DjangoCommonMiddleware):
    """Check that the host is one of ours, for pages alone: the canary has checked it for requests to the APIs."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if is_api(request) else super().process_request(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer here what Django would log with a traceback each time, as long as others make a page too busy.

        And what anybody can send: PostgreSQL stores and compares no NUL, and says so where no form has looked for it.
        """
        if is_api(request):
            return None
        if isinstance(exception, DataError) and "NUL" in str(exception):
            return render(request, "unstorable.html", status=400)
        return unavailable_page(exception) if is_known_outage(exception) else None
