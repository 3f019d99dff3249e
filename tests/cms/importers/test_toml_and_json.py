"""Markdown with TOML and JSON front matter, in the styles of Hugo and Zola, one quirk a test."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.front_matter import BrokenFrontMatter, split_file
from cms.models import Category, Post, Redirect, Tag

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Originals = Callable[[dict[str, Any], str], list[Any]]

ZOLA = """+++
title = "Version 1.0 of \\"x\\""
date = 2020-01-02T03:04:05+02:00
updated = 2021-05-06
slug = "v1.0.0"
aliases = ["old/one", "/two/"]
weight = 7
description = '''
Two
lines'''
authors = ["Mia", "Bo"]

[taxonomies]
tags = ["Rust", "web, site"]
categories = ["News"]

[extra]
toc = true
[extra.social]
image.src = "x.png"
+++
Body.
"""


def test_zola_has_taxonomies_native_dates_and_slugs_with_dots(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    report = import_path(write_markdown("blog/a.md", body=ZOLA))
    post = Post.objects.get()
    assert (post.title, post.slug, post.content) == ('Version 1.0 of "x"', "v1.0.0", "Body.\n")
    assert post.published_at == datetime.datetime(2020, 1, 2, 1, 4, 5, tzinfo=datetime.UTC)
    assert post.updated_at == datetime.datetime(2021, 5, 6, tzinfo=datetime.UTC)
    assert post.meta_description == "Two\nlines"
    assert (post.author.display_name, post.co_authors.get().display_name) == ("Mia", "Bo")
    assert set(Tag.objects.values_list("name", flat=True)) == {"Rust", "web site"}
    assert Category.objects.get().name == "News"
    assert set(Redirect.objects.values_list("old_path", flat=True)) == {"/old/one", "/two/"}
    assert originals(report, "extra") == [{"toc": "true", "social": {"image": {"src": "x.png"}}}]
    lines = {item["field"]: item["line"] for item in report["items"] if item["object"] == "post blog/a.md"}
    assert (lines["weight"], lines["extra"]) == (7, 17)


def test_hugo_reads_json_as_well_and_a_shortcode_is_none(import_path: ImportPath, write_markdown: Write) -> None:
    matter = '{\n  "title": "J",\n  "date": "2020-01-01",\n  "draft": true,\n  "tags": ["a", 7],\n  "n": 1.50\n}\n'
    write_markdown("a.md", body=f"{matter}Body {{x}}.\n")
    import_path(write_markdown("b.md", body="{{< figure >}}\n\n{% raw %}\n"))
    post = Post.objects.get(title="J")
    assert (post.status, post.content) == ("draft", "Body {x}.\n")
    assert set(post.tags.values_list("name", flat=True)) == {"a", "7"}
    assert Post.objects.get(slug="b").content == "{{< figure >}}\n\n{% raw %}\n"


def test_a_hugo_bundle_in_another_language_says_so_in_its_name(import_path: ImportPath, write_markdown: Write) -> None:
    write_markdown("posts/trip/index.md", body='+++\ntitle = "Trip"\ndate = 2020-01-01\n+++\nA.\n')
    import_path(write_markdown("posts/trip/index.fr.md", body='+++\ntitle = "Voyage"\ndate = 2020-01-01\n+++\nB.\n'))
    assert dict(Post.objects.values_list("title", "language")) == {"Trip": "en", "Voyage": "fr"}
    assert set(Post.objects.values_list("slug", flat=True)) == {"trip", "trip-2"}


def test_a_section_without_a_body_is_skipped_and_one_with_a_body_is_a_page(
    import_path: ImportPath, write_markdown: Write
) -> None:
    write_markdown("a/_index.md", body='+++\ntitle = "A"\nsort_by = "date"\n+++\n')
    report = import_path(write_markdown("b/_index.md", body='+++\ntitle = "B"\ndate = 2020-01-01\n+++\nText.\n'))
    assert (Post.objects.get().kind, Post.objects.get().slug) == ("page", "b")
    assert report["counts"]["skipped"] == 1
    assert [item["reason"] for item in report["items"] if item["object"] == "file a/_index.md"] == [
        "The file has no body."
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('+++\ntitle = "A"\nb = [1,\n+++\n', 3),
        ("+++\na = 1\na = 2\n+++\n", 3),
        ("+++\na = 2020-13-45\n+++\n", 2),
        ("+++\na = 1\n", 1),
        (f"+++\na = {'[' * 3000}\n+++\n", 1),
        (f"+++\n{'a.' * 50_000}b = 1\n+++\n", 1),
        (f"+++\na = 0x{'f' * 10_000}\n+++\n", 1),
        ('{\n"a": 1,\n"b" 2}\n', 3),
        ('{"a": 1} and more\n', 1),
        (f'{{"a": {"[" * 100_000}', 1),
        (f"---\na: &a {'x' * 9_000}\nb: [{', '.join(['*a'] * 50)}]\n---\n", 3),
        (f"---\na: {'x' * 400_000}\n---\n", 1),
    ],
    ids=[
        *("TOML syntax", "a key twice", "no such day", "no end", "TOML depth", "dots", "a huge number", "JSON syntax"),
        *("JSON and more", "JSON depth", "a text repeated", "size"),
    ],
)
def test_broken_and_hostile_front_matter_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BrokenFrontMatter) as caught:
        split_file(text)
    assert caught.value.line == line


def test_a_key_that_stands_twice_in_json_counts_as_its_last_and_the_first_is_reported(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    report = import_path(write_markdown("a.md", body='{"title": "X",\n"title": "Y", "date": "2020-01-01"}\nBody\n'))
    assert Post.objects.get().title == "Y"
    assert originals(report, "title") == ["X"]


def test_a_body_of_850_kb_is_kept_to_the_byte(import_path: ImportPath, write_markdown: Write) -> None:
    body = "A line of text with a [link](https://example.org).\n" * 17_000
    import_path(write_markdown("a.md", body=f'+++\ntitle = "A"\ndate = 2020-01-01\n+++\n{body}'))
    assert Post.objects.get().content == body
