"""Files that are broken or hostile: they are reported, the others are imported, nothing crashes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.front_matter import BrokenFrontMatter, split_file
from cms.models import Post, Tag, User

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]

BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])


@pytest.mark.parametrize(
    ("matter", "line"),
    [
        ("title: A\n- b\n\tc: [", 3),
        ("- a\n- b", 2),
        (BOMB, 3),
        ("a: " + "[" * 5000, 2),
        ("- " * 5000, 1),
        ("title: A\nb: \x07", 3),
    ],
    ids=["syntax", "list", "aliases", "brackets", "depth", "control character"],
)
def test_broken_front_matter_is_refused_with_its_line(matter: str, line: int) -> None:
    with pytest.raises(BrokenFrontMatter) as caught:
        split_file(f"---\n{matter}\n---\nBody.\n")
    assert caught.value.line == line


def test_front_matter_without_an_end_or_in_another_language_is_broken_and_a_ruler_is_none() -> None:
    with pytest.raises(BrokenFrontMatter):
        split_file("---\ntitle: A\n\nBody.\n")
    with pytest.raises(BrokenFrontMatter):
        split_file("+++\ntitle: A\n+++\nBody.\n")
    matter, body, _ = split_file("---\n\nBody.\n")
    assert (matter.fields, body) == ([], "---\n\nBody.\n")


def test_yaml_never_makes_objects(import_path: ImportPath, write_markdown: Write, tmp_path: Path) -> None:
    target = tmp_path / "made"
    import_path(write_markdown("a.md", f"title: A\ndate: 2020-01-01\nx: !!python/object/apply:os.mkdir ['{target}']"))
    assert not target.exists()


def test_one_broken_file_does_not_keep_the_others_out(import_path: ImportPath, write_markdown: Write) -> None:
    write_markdown("a.md", "title: [")
    report = import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01"))
    assert Post.objects.get().title == "B"
    assert report["counts"]["skipped"] == 1


def test_a_body_over_the_limit_fails_whole(import_path: ImportPath, write_markdown: Write) -> None:
    report = import_path(write_markdown("a.md", "title: A\ndate: 2020-01-01\ntags: [t]", "x" * 1_000_001))
    assert not Post.objects.exists()
    assert report["counts"]["failed"] == 1
    assert [item["field"] for item in report["items"] if item["object"] == "post a.md"] == ["content"]


@pytest.mark.parametrize(
    ("raw", "body", "field"),
    [
        (b"\xef\xbb\xbf---\ntitle: A\n---\nBody", "Body", "encoding"),
        (b"---\ntitle: A\n---\nCaf\xe9", "Café", "encoding"),
        (b"---\ntitle: A\n---\n\x93quoted\x94 \x80", "“quoted” €", "encoding"),
        (b"---\ntitle: A\n---\nBo\x81dy", "Bo\ufffddy", "encoding"),
        (b"---\ntitle: A\n---\nBo\x00dy", "Body", "text"),
        ("---\ntitle: A\n---\nBody".encode("utf-16"), "Body", "encoding"),
    ],
    ids=["byte order mark", "Latin-1", "Windows-1252", "not in Windows-1252", "NUL", "UTF-16"],
)
def test_odd_bytes_are_read_and_reported(
    import_path: ImportPath, tmp_path: Path, raw: bytes, body: str, field: str
) -> None:
    (tmp_path / "a.md").write_bytes(raw)
    report = import_path(tmp_path)
    assert (Post.objects.get().title, Post.objects.get().content) == ("A", body)
    assert field in [item["field"] for item in report["items"]]


def test_links_are_not_followed(import_path: ImportPath, write_markdown: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("A secret.")
    root = write_markdown("a.md", "title: A\ndate: 2020-01-01")
    (root / "b.md").symlink_to(tmp_path / "secret.md")
    (root / "c.md").symlink_to(root / "a.md")
    (root / "d").symlink_to(tmp_path)
    os.mkfifo(root / "e.md")
    report = import_path(root)
    assert Post.objects.get().title == "A"
    assert report["counts"]["skipped"] == 4
    assert [item["object"] for item in report["items"][:4]] == ["file d", "file b.md", "file c.md", "file e.md"]


def test_a_name_that_is_not_utf_8_does_no_harm(import_path: ImportPath, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("Body.")
    report = import_path(tmp_path)
    assert report["counts"]["failed"] == 0
    assert Post.objects.get().content == "Body."


def test_lone_surrogates_and_invisible_titles_are_mended(import_path: ImportPath, write_markdown: Write) -> None:
    write_markdown("a.md", 'title: "A\\uD800B"\ndate: 2020-01-01')
    report = import_path(write_markdown("b-c.md", 'title: "\\u200b"\ndate: 2020-01-01'))
    assert set(Post.objects.values_list("title", flat=True)) == {"AB", "B c"}
    assert report["counts"]["failed"] == 0


@pytest.mark.parametrize("raw", [b"PK\x03\x04" + bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40])
def test_a_file_that_is_no_text_is_skipped_whatever_its_name(
    raw: bytes, tmp_path: Path, import_path: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "picture.md").write_bytes(raw)
    report = import_path(tmp_path)
    assert report["counts"] == {"created": 0, "updated": 0, "unchanged": 0, "skipped": 1, "failed": 0}
    [item] = report["items"]
    assert "not text" in item["reason"]


def test_a_post_that_is_too_long_leaves_no_tags_behind(
    write_markdown: Callable[..., Path], import_path: Callable[..., dict[str, Any]]
) -> None:
    report = import_path(write_markdown("long.md", "title: Long\ntags: [lonely]\nauthor: Ann", "a b " * 250_001))
    assert report["counts"] == {"created": 0, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 1}
    assert not Tag.objects.exists()
    assert not User.objects.exists()
