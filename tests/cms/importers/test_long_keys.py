"""Texts that are too long for an index, or that no database stores: one of them never ends an import."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, connection

from cms.http.unavailable import is_unavailable
from cms.importers.items import TagItem
from cms.importers.keys import fit_key, fit_source_name
from cms.importers.pipeline import import_source
from cms.importers.report import Report
from cms.models import ImportRecord, Post, Redirect, Tag
from tests.cms.importers.conftest import NOW
from tests.cms.models.test_index_bytes import incompressible

LONG = f"/{incompressible(3_600)}"


class Tags:
    """A source of tags with these external ids."""

    total = done = 1

    def __init__(self, *ids: str, name: str = "tags") -> None:
        self.name, self.ids = name, ids

    def __iter__(self) -> Iterator[TagItem]:
        for number, external_id in enumerate(self.ids):
            yield TagItem(source="tags", line=1, external_id=external_id, name=f"Tag {number}")


def imported(source: Tags) -> dict[str, int]:
    with Report() as report:
        import_source(source, report=report, now=NOW)
        return report.counts


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (LONG, "At most 2600 bytes in UTF-8 are allowed; there are 3601."),
        ("\\ud800", "NUL characters and lone surrogates are not allowed."),
    ],
    ids=["long", "surrogate"],
)
def test_an_address_that_can_not_be_kept_is_left_out_and_reported(
    write_markdown: Callable[..., Path],
    import_path: Callable[..., dict[str, Any]],
    address: str,
    sentence: str,
) -> None:
    write_markdown("a-first.md", "title: First")
    write_markdown("b-hostile.md", f'title: Hostile\naliases: ["/ok", "{address}"]')
    report = import_path(write_markdown("c-last.md", "title: Last"))
    assert set(Post.objects.values_list("title", flat=True)) == {"First", "Hostile", "Last"}
    [reason] = [item["reason"] for item in report["items"] if item["field"] == "old_path"]
    assert sentence in reason
    assert list(Redirect.objects.values_list("old_path", flat=True)) == ["/ok"]


def test_ids_and_sources_of_any_length_are_found_again(db: None) -> None:
    ids = [incompressible(2_000), incompressible(1_996), "a" * 600, "b\x00c", "d\ud800e", "d\ud801e"]
    name = fit_source_name(f"markdown:{incompressible(1_200)}")
    assert imported(Tags(*ids, name=name)) == imported(Tags(*ids, name=name)) | {"created": 6, "unchanged": 0}
    assert ImportRecord.objects.filter(source=name).count() == Tag.objects.count() == 6


@pytest.mark.parametrize("text", ["é" * 500, "本" * 500, "a" * 500])
def test_an_id_that_every_index_holds_is_kept_as_it_is(text: str) -> None:
    assert fit_key(text) == text
    assert len(fit_key(f"{text}.")) <= 500


def test_what_the_database_can_not_hold_fails_alone(db: None) -> None:
    """PostgreSQL says so in an error that psycopg takes for one of the operation."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such error")
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE program_limit_exceeded USING MESSAGE = 'too large'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON cms_tag FOR EACH ROW WHEN (NEW.name = 'Tag 1')
            EXECUTE FUNCTION refuse()
        """)
    counts = imported(Tags("a", "b", "c"))
    assert (counts["created"], counts["failed"]) == (2, 1)
    with pytest.raises(DataError) as caught:
        Tag.objects.create(name="Tag 1", name_key="1", slug="1")
    assert not is_unavailable(caught.value)
