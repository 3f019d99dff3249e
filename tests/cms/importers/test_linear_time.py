"""What a file holds is read in a time that grows with its length, and not with the square of it."""

import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.choices import ContentFormat
from cms.importers import markdown_fields
from cms.importers.cleaning import plain_text_of
from cms.importers.front_matter import BrokenFrontMatter, split_file
from cms.importers.items import PostItem
from cms.models import Post

LINEAR = 24
"""Between 8 and its square: the growth of time for a text of the eightfold length."""


def _item() -> PostItem:
    return PostItem(
        source="a.md", line=1, external_id="a", title="", content="x", content_format=ContentFormat.MARKDOWN, changes=[]
    )


def read_heading(text: str) -> object:
    matter, body, _ = split_file(text)
    item = _item()
    markdown_fields.read_title(matter, item, body, "a")
    return item.title


def read_authors(text: str) -> object:
    return markdown_fields.read_authors(split_file(text)[0], _item())


def read_dates(text: str) -> object:
    item = _item()
    markdown_fields.read_instants(split_file(text)[0], item, "")
    return len(item.changes)


def refuse(text: str) -> object:
    with pytest.raises(BrokenFrontMatter):
        split_file(text)
    return None


def _seconds(read: Callable[[str], object], text: str) -> float:
    start = time.thread_time()
    read(text)
    return time.thread_time() - start


@pytest.mark.parametrize(
    ("read", "make", "length"),
    [
        (read_heading, lambda n: "# a" + " " * n + "b", 100),
        (read_heading, lambda n: "# a" + "# " * n + "b", 500),
        (read_authors, lambda n: f'---\nauthor: "{" " * n}x{" " * n}"\n---\n', 200),
        (read_authors, lambda n: f'---\nauthor: "<{"@" * n} >"\n---\n', 2_000),
        (plain_text_of, lambda n: "<!--" * n, 1_000),
        (read_heading, lambda n: "---\n" + "title:\n" * n + "---\nx", 100),
        (read_dates, lambda n: "---\n" + "date: x\n" * n + "---\nx", 100),
        (split_file, lambda n: "+++\na = '''\n" + " " * n + "\n'''\n+++\n", 2_000),
        (refuse, lambda n: "+++\na = " + '"\\' * n + "\n+++\n", 1_000),
    ],
    ids=["heading", "hashes", "author", "address", "comments", "empty", "dates", "blanks", "quotes"],
)
def test_a_hostile_text_of_the_eightfold_length_takes_no_longer_than_that(
    read: Callable[[str], object], make: Callable[[int], str], length: int
) -> None:
    few, many = make(length), make(8 * length)
    growth = [_seconds(read, many) / max(_seconds(read, few), 5e-5) for _ in range(3)]
    assert min(growth) < LINEAR


@pytest.mark.parametrize(
    "matter",
    [
        "x = {a = '''a'\"b''', KEY = 1, c = \"x\"}",
        "x = {a = ''''a\"'''', KEY = 1, c = \"x\"}",
        'x = {a = """a\\"""\'b""", KEY = 1}',
        "x = \"\"\"\"\"\"\n# '''\nKEY = 1\n# '''",
        "# it's\nKEY = 1\n# it's",
        'x = \'a"\' # """\nKEY = 1',
        'x = "a#" \nKEY = 1',
    ],
)
def test_a_toml_key_of_many_parts_is_found_behind_each_kind_of_string_and_comment(matter: str) -> None:
    key = ".".join("k" * 60)
    with pytest.raises(BrokenFrontMatter, match="more than 50 parts"):
        split_file(f"+++\n{matter.replace('KEY', key)}\n+++\nx\n")


@pytest.mark.parametrize("value", ["'''{}'''", '"""{}"""', '"{}"', "'{}'", "1 # {}", "'''a''{}''''", '"\\"{}"'])
def test_dots_in_a_string_of_toml_or_a_comment_are_no_key(value: str) -> None:
    matter, _, _ = split_file(f"+++\ntitle = {value.format('k.' * 60)}\n+++\nx\n")
    assert matter.take("title") is not None


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# One", "One"),
        ("   ## Two \t## \t", "Two"),
        ("# C#", "C"),
        ("# a # b ##", "a # b"),
        ("#  \ta", "a"),
        ("####### a", "A file"),
        ("#a", "A file"),
        ("# ##", "A file"),
    ],
)
def test_a_heading_is_the_title_without_its_signs(line: str, heading: str) -> None:
    matter, body, _ = split_file(f"{line}\n")
    item = _item()
    markdown_fields.read_title(matter, item, body, "a-file")
    assert item.title == heading


@pytest.mark.parametrize(
    ("text", "name", "email"),
    [
        ("Ada L. <ada@example.org>", "Ada L.", "ada@example.org"),
        (" <ada@example.org> ", "ada", "ada@example.org"),
        ("Ada <ada@ example.org>", "Ada <ada@ example.org>", ""),
        ("Ada <@example.org>", "Ada <@example.org>", ""),
        ("A > B <ada@example.org>", "A > B <ada@example.org>", ""),
        ("Ada <ada@example.org> x", "Ada <ada@example.org> x", ""),
        ("Ada <>", "Ada <>", ""),
    ],
)
def test_an_author_may_have_an_address(text: str, name: str, email: str) -> None:
    matter, _, _ = split_file(f'---\nauthor: "{text}"\n---\nx')
    assert markdown_fields.read_authors(matter, _item()) == [markdown_fields.Author(name, email)]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a<!-- <b> -->b", "ab"),
        ("a<!-->b-->c", "ac"),
        ("<b>a<!-- b</b>", "a<!-- b"),
        ("<a<!-- x --> href>b", "<a href>b"),
    ],
)
def test_comments_are_no_text_of_a_title(markup: str, text: str) -> None:
    assert plain_text_of(markup) == text


def test_a_file_without_a_value_two_thousand_times_is_read_with_the_others(
    import_path: Callable[..., dict[str, Any]], write_markdown: Callable[..., Path]
) -> None:
    write_markdown("a.md", "title:\n" * 2_000 + "date: 2020-01-01")
    import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01"))
    assert set(Post.objects.values_list("title", flat=True)) == {"A", "B"}


def test_a_fault_of_a_reader_costs_only_its_file(
    import_path: Callable[..., dict[str, Any]], write_markdown: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tomllib, "loads", fail)
    write_markdown("a.md", body="+++\ntitle = 'A'\n+++\nx")
    report = import_path(write_markdown("b.md", "title: B\ndate: 2020-01-01"))
    assert Post.objects.get().title == "B"
    assert [item["reason"] for item in report["items"] if item["object"] == "file a.md"] == [
        "The file can't be read: MemoryError."
    ]
