"""Searches of the admin site: the length of their SQL is bounded, however many words are sent."""

from typing import Any, Final
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.models import User

WORDS: Final = " ".join("a" * 1_500)
SQL_MAX: Final = 60_000
"""In all statements of a page. One for so many words has some 300 characters for each."""
SUGGESTIONS: Final = "/admin/autocomplete/?app_label=cms&model_name=post&field_name="


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        *(
            f"/admin/cms/{name}/?q="
            for name in ("comment", "tag", "category", "mediafile", "user", "redirect", "webhook")
        ),
        *(f"{SUGGESTIONS}{name}&term=" for name in ("co_authors", "tags", "categories", "featured_image")),
        "/admin/search/?s=",
    ],
)
def test_a_search_for_countless_words_is_one_for_the_first(path: str, client: Client, admin: User) -> None:
    client.force_login(admin)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(f"{path}{quote(WORDS)}").status_code == 200
    searched: list[dict[str, Any]] = captured.captured_queries
    assert sum(len(one["sql"]) for one in searched) < SQL_MAX
