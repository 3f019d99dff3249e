"""Hostile sources of imports: reading one takes time and memory by its size, and it is refused or reported in sentences."""

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cms.importers.bounds import COMMENTS_MAX, KEPT_BYTES_MAX
from cms.importers.formats import AUTO, FORMATS, open_sources
from cms.importers.items import Item, Remark
from cms.importers.json_stream import MARKS_MAX, VALUE_CHARACTERS_MAX
from cms.importers.sources import SourceUnreadable
from cms.importers.wxr_xml import ELEMENTS_MAX
from cms.transfers.archives import unpack
from tests.costs.hostile_sources import SOURCES, UPLOADS
from tests.costs.measuring import MEGABYTE
from tests.memory import peak_memory
from tests.slow import slow

BASE_S: Final = 1.5
"""Brackets in brackets take the YAML reader that long until it gives up, however many they are."""
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
    began = time.thread_time()
    with peak_memory() as peak:
        sentences = [*_read(path, format_name)]
    assert time.thread_time() - began < BASE_S + SECONDS_A_MEGABYTE * min(written, 4 * MEGABYTE) / MEGABYTE
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
