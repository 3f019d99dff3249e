"""Hostile sources of imports: reading one takes time and memory by its size, and it is refused or reported in sentences."""

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms.importers.bounds import COMMENTS_MAX, KEPT_BYTES_MAX
from cms.importers.formats import AUTO, FORMATS, open_sources
from cms.importers.items import Item, Remark
from cms.importers.json_stream import MARKS_MAX, VALUE_CHARACTERS_MAX
from cms.importers.sources import SourceUnreadable
from cms.importers.wxr_xml import ELEMENTS_MAX
from cms.transfers.archives import unpack
from tests.cms.importers.conftest import WXR_HEAD, import_into_database
from tests.costs.hostile_sources import SOURCES, UPLOADS
from tests.costs.measuring import MEGABYTE
from tests.memory import peak_memory
from tests.processor import processor_time
from tests.slow import slow

BASE_S: Final = 1.5
"""Eight thousand sentences about 16 kB of broken users take 0.4 s."""
SECONDS_A_MEGABYTE: Final = 10.0
"""The YAML reader takes that long for a third of it, the most that is read."""
BYTES_MAX: Final = 24 * MEGABYTE + max(
    ELEMENTS_MAX * 300 + COMMENTS_MAX * 1_500,
    KEPT_BYTES_MAX,
    MARKS_MAX * 250,
    VALUE_CHARACTERS_MAX * 8,
)
"""However large the file: the most that a bound allows, by what each counted thing takes."""
UPLOAD_BYTES_MAX: Final = 300 * MEGABYTE
"""What an upload of 10 MB takes, a zip of many files too."""
CASES: Final = [(name, what) for name, (_, sources) in SOURCES.items() for what in sources]


def test_each_format_has_hostile_sources() -> None:
    assert SOURCES.keys() == FORMATS.keys()


@pytest.mark.parametrize("size", [16_000, slow(10 * MEGABYTE)])
@pytest.mark.parametrize(("format_name", "what"), CASES)
def test_no_source_costs_more_than_its_size(format_name: str, what: str, size: int, tmp_path: Path) -> None:
    file_name, sources = SOURCES[format_name]
    path = tmp_path / file_name
    path.write_text(sources[what](size), encoding="utf-8")
    written = path.stat().st_size
    with processor_time() as spent, peak_memory() as peak:
        sentences = [*_read(path, format_name)]
    assert spent.seconds < BASE_S + SECONDS_A_MEGABYTE * min(written, 4 * MEGABYTE) / MEGABYTE
    assert peak.bytes < BYTES_MAX
    assert [sentence for sentence in sentences if not _is_one(sentence)] == []


@pytest.mark.parametrize("rows", [20, slow(190_000)])
@pytest.mark.parametrize("name", UPLOADS)
def test_no_upload_takes_more_than_300_mb(name: str, rows: int, tmp_path: Path) -> None:
    archive, folder = tmp_path / "upload.zip", tmp_path / "unpacked"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for file_name, text in UPLOADS[name](rows):
            opened.writestr(file_name, text)
    assert archive.stat().st_size < 10 * MEGABYTE
    folder.mkdir()
    with peak_memory() as peak:
        sentences = set(_read(unpack(archive, folder), AUTO))
    assert peak.bytes < UPLOAD_BYTES_MAX
    assert [sentence for sentence in sentences if not _is_one(sentence)] == []


def _read(path: Path, format_name: str) -> Iterator[str]:
    """The sentences about what could not be read, or was changed."""
    try:
        for source in open_sources(path, format_name):
            for entry in source:
                changes = [entry.change] if isinstance(entry, Remark) else entry.changes
                assert isinstance(entry, Item | Remark)
                yield from (change.reason for change in changes)
    except SourceUnreadable as error:
        yield str(error)


def _is_one(sentence: str) -> bool:
    return sentence.endswith(".") and "\n" not in sentence and len(sentence) < 500


ALIKE: Final = 100
LOOKS_EACH: Final = 1 + 2 * math.ceil(math.log2(2 * ALIKE))
"""One for the name itself, and as many on the way up as on the way down to a free number."""


@pytest.mark.django_db
def test_names_that_become_alike_are_looked_up_a_few_times_each(tmp_path: Path) -> None:
    """Without a Latin letter each author is called `author`, and without a letter each post `post`."""
    names = [f"<wp:author><wp:author_login>作者{chr(0x4E00 + n)}</wp:author_login></wp:author>" for n in range(ALIKE)]
    posts = [
        f"<item><title>!</title><wp:post_id>{n}</wp:post_id><wp:post_type>post</wp:post_type>"
        "<wp:status>publish</wp:status></item>"
        for n in range(ALIKE)
    ]
    path = tmp_path / "export.xml"
    path.write_text(f"{WXR_HEAD}{''.join(names)}{''.join(posts)}</channel></rss>", encoding="utf-8")
    with CaptureQueriesContext(connection) as captured:
        assert import_into_database(path, "wxr")["counts"]["created"] > 2 * ALIKE
    for table, column in (("cms_user", "username"), ("cms_post", "slug")):
        looks = [one["sql"] for one in captured.captured_queries if _is_look(one["sql"], table, column)]
        assert ALIKE < len(looks) <= ALIKE * LOOKS_EACH


def _is_look(sql: str, table: str, column: str) -> bool:
    return sql.startswith("SELECT 1") and f'FROM "{table}"' in sql and f'"{table}"."{column}"' in sql
