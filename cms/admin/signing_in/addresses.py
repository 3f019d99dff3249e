"""Where mails lead back to."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def admin_url_of(request: HttpRequest) -> str:
    """Return the address of the admin site, with a slash at its end: the setting, or else the host of the request."""
    return settings.ADMIN_URL or request.build_absolute_uri(reverse("admin:index"))
