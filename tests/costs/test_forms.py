"""Forms of pages: CSRF protection reads each before any view, so a large one is refused unread."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.memory import peak_memory
from tests.processor import processor_time

MEGABYTE = 1024 * 1024
FORM = "application/x-www-form-urlencoded"
TOKEN = {"csrftoken": "a" * 32}
ESCAPED = b"a=" + b"%41" * (4 * MEGABYTE)
"""12 MB, which took 330 MB of memory."""


def _pages() -> list[str]:
    """The first address of each page below the root, with a made-up value for each parameter."""
    found = []
    for entry in get_resolver("cms.urls").url_patterns:
        pattern = str(entry.pattern)
        assert isinstance(entry, URLPattern | URLResolver)
        found.append(
            "/" + re.sub(r"<uuid:\w+>", "0190aaaa-0000-7000-8000-000000000000", re.sub(r"<str:\w+>", "x", pattern))
        )
    return sorted(
        {*found, "/admin/login/", "/admin/password-reset/", "/admin/cms/post/add/", "/admin/cms/post/preview/"}
    )


@pytest.fixture
def stranger(db: None) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.cookies.load(TOKEN)
    return client


@pytest.mark.parametrize("page", _pages())
def test_a_strangers_large_form_is_refused_unread(page: str, stranger: Client) -> None:
    with processor_time() as spent, peak_memory() as peak:
        answer = stranger.post(page, ESCAPED, content_type=FORM)
    assert answer.status_code in (413, 404, 405)
    assert spent.seconds < 0.5
    assert peak.bytes < 3 * len(ESCAPED)  # the test's own copies


@pytest.mark.parametrize("page", ["/admin/login/", "/admin/password-reset/"])
@pytest.mark.parametrize("body", [b"a=" + b"%41" * 21_000, b"&".join([b"a=b"] * 900)])
def test_a_form_of_64_kb_is_read_and_costs_little(page: str, body: bytes, stranger: Client) -> None:
    with peak_memory() as peak:
        assert stranger.post(page, body, content_type=FORM).status_code == 403  # no CSRF token in it
    assert peak.bytes < 16 * MEGABYTE
