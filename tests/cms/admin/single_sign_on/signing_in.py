"""A browser that signs in at the admin site by the provider."""

from typing import Any
from urllib.parse import urlsplit

import httpx
from django.test import Client

from cms.models import AuditEvent, BrowserSession

LOGIN, BEGIN, CALLBACK = "/admin/login/", "/admin/login/single-sign-on/", "/admin/login/single-sign-on/callback/"
STEP, SETUP = "/admin/login/second-step/", "/admin/login/set-up/"


def return_from(url: str) -> str:
    """Be the browser at the provider; return the address that it leads back to."""
    back = urlsplit(httpx.get(url).headers["location"])
    return f"{back.path}?{back.query}"


def enter(client: Client, **query: str) -> Any:
    """From the button to the end."""
    begun = client.get(BEGIN, query)
    assert begun.status_code == 302
    return client.get(return_from(begun.headers["Location"]))


def refusal(client: Client) -> str:
    """The page of a sign-in that opens nothing."""
    answer = enter(client)
    assert answer.status_code == 200
    assert client.get("/admin/").status_code == 302
    assert not BrowserSession.objects.exclude(user=None).exists()
    page: str = answer.content.decode()
    assert "Back to the login" in page
    return page


def actions() -> list[str]:
    return [*AuditEvent.objects.filter(action__startswith="auth.").order_by("pk").values_list("action", flat=True)]
