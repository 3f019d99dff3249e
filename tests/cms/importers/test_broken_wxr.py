"""Exports that are broken, hostile or none at all, and what can be mended of old servers' mistakes."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.formats import open_sources
from cms.importers.sources import SourceUnreadable
from cms.importers.wxr_xml import WxrFile
from cms.models import Post

ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Record = Callable[..., str]

BOMB = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><title>&b;</title></channel></rss>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss><channel></channel></rss>"""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BOMB, "document type declaration"),
        (OUTSIDE, "document type declaration"),
        ("<rss><channel><item>", "not well-formed XML: line 1"),
        ("<html><body></body></html>", "no WordPress export"),
        ("<rss><channel><item><title>A feed</title></item></channel></rss>", "no wp: elements"),
        ("<rss><channel>" + "<a>" * 100, "deeper than 50"),
        ('<?xml version="1.0" encoding="rot13"?><rss/>', "encoding rot13"),
        ('<?xml version="1.0" encoding="UTF7"?><rss/>', "encoding UTF7, which is not read. Save it as UTF-8."),
        ('<?xml version="1.0" encoding="unicode_escape"?><rss/>', "encoding unicode_escape, which is not read"),
        ("no XML at all", "not well-formed"),
        ("", "not well-formed"),
    ],
)
def test_what_is_no_export_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "export.xml"
    path.write_text(text)
    with pytest.raises(SourceUnreadable, match=sentence) as caught:
        open_sources(path, "wxr")
    assert "\n" not in str(caught.value)


@pytest.mark.django_db
def test_an_export_that_breaks_off_is_refused_before_anything_is_written(write_wxr: Write, wxr_item: Record) -> None:
    path = write_wxr(wxr_item(1), "<item><title>Half")
    with pytest.raises(SourceUnreadable):
        open_sources(path, "auto")


def test_control_characters_and_wrong_bytes_are_replaced_and_reported(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    path = write_wxr(wxr_item(1, content__encoded="bell QQ and ZZ"))
    path.write_bytes(path.read_bytes().replace(b"QQ", b"\x07").replace(b"ZZ", b"\xe9"))
    report = import_path(path)
    assert Post.objects.get().content == "bell \ufffd and \ufffd"
    assert [item["original"] for item in report["items"] if item["object"] == "file"] == ["\\u0007"]


def test_other_encodings_and_other_prefixes_are_understood(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record
) -> None:
    path = write_wxr(wxr_item(1, title="Café"))
    text = path.read_text("utf-8").replace("xmlns:wp=", "xmlns:wordpress=").replace("wp:", "wordpress:")
    path.write_bytes(text.replace("UTF-8", "ISO-8859-1").encode("latin-1"))
    import_path(path)
    assert Post.objects.get().title == "Café"


def test_the_parts_of_a_large_export_are_one_source_and_a_broken_part_is_reported(
    import_path: ImportPath, write_wxr: Write, wxr_item: Record, tmp_path: Path
) -> None:
    write_wxr(wxr_item(1), name="1.xml")
    write_wxr(wxr_item(2), name="2.xml")
    (tmp_path / "3.xml").write_text("<rss>")
    report = import_path(tmp_path)
    assert set(Post.objects.values_list("author__username", flat=True)) == {"mia"}
    assert report["counts"] == {"created": 3, "updated": 0, "unchanged": 1, "skipped": 1, "failed": 0}


def test_memory_does_not_grow_with_the_file(write_wxr: Write, wxr_item: Record) -> None:
    path = write_wxr(*(wxr_item(number, content__encoded="x" * 50_000) for number in range(200)))
    file = WxrFile(path)
    tracemalloc.start()
    count = sum(1 for _ in file.records())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 202
    assert path.stat().st_size > 10_000_000 > 3_000_000 > peak
