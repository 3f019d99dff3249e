"""What a small file may cost in memory: each bound ends in one sentence that names what is too much, and how much is not."""

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers import bounds, items, json_stream, wxr_xml
from cms.importers.formats import AUTO, open_sources
from cms.importers.items import Change
from cms.importers.report import Report
from cms.importers.sources import SourceUnreadable
from tests.cms.importers.samples import GHOST, TANDEM

MANY = 60


@pytest.fixture(autouse=True)
def _low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wxr_xml, "ELEMENTS_MAX", 40)
    monkeypatch.setattr(wxr_xml, "RECORD_CHARACTERS_MAX", 1_000)
    monkeypatch.setattr(wxr_xml, "TAG_BYTES_MAX", 200)
    monkeypatch.setattr(wxr_xml, "NAMES_MAX", 50)
    monkeypatch.setattr(json_stream, "MARKS_MAX", 300)
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 100)
    monkeypatch.setattr(bounds, "KEPT_BYTES_MAX", 6_000)
    monkeypatch.setattr(bounds, "COMMENTS_MAX", 10)
    monkeypatch.setattr(items, "CHANGES_MAX", 10)
    monkeypatch.setattr(json_stream, "CHANGES_MAX", 10)


def _reasons(path: Path) -> list[str]:
    """Read the source to its end; return the sentences about what was not taken."""
    entries = [entry for source in open_sources(path, AUTO) for entry in source]
    return [
        change.reason
        for entry in entries
        for change in ([entry.change] if isinstance(entry, items.Remark) else entry.changes)
    ]


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("<a/>" * 50, "a record of more than 40 elements and attributes"),
        ("<a b='' c=''/>" * 20, "a record of more than 40 elements and attributes"),
        (f"<a>{'x' * 600}</a>" * 2, "a record of more than 1,000 characters"),
        (f"<a b='{'x' * 600}'/>" * 2, "a record of more than 1,000 characters"),
        (f"<!-- {'x' * 70_000}", "a tag or a comment of more than 200 bytes"),
        (
            "".join(f"</item><item><a{number}/>" for number in range(60)),
            "elements and attributes of more than 50 names",
        ),
    ],
)
def test_a_record_of_wordpress_is_bounded(write_wxr: Callable[..., Path], inside: str, sentence: str) -> None:
    with pytest.raises(SourceUnreadable, match=rf"export\.xml has {sentence}, in line \d+: divide it\.$"):
        _reasons(write_wxr(f"<item>{inside}</item>"))


@pytest.mark.parametrize(
    "record",
    [
        "<wp:author><wp:author_login>a{}</wp:author_login></wp:author>",
        "<wp:tag><wp:tag_slug>a{}</wp:tag_slug></wp:tag>",
        "<wp:term/>",
        '<item><wp:post_type>post</wp:post_type><category nicename="a{}">A</category></item>',
        "<item><wp:post_type>post</wp:post_type><dc:creator>a{}</dc:creator></item>",
    ],
)
def test_users_and_terms_of_wordpress_are_bounded(write_wxr: Callable[..., Path], record: str) -> None:
    with pytest.raises(
        SourceUnreadable, match=r"export\.xml has users, .* more than 0 MB of memory: divide the export\."
    ):
        _reasons(write_wxr(*(record.format(number) for number in range(MANY))))


@pytest.mark.parametrize(
    ("post", "sentence"),
    [
        ({"old": [[]] * 400}, "line 1: A value has more than 300 commas and opening brackets"),
        ({"content": "[{," * 200}, None),
        ({"comments": [{"text": "A"}] * MANY}, "At most 10 comments of a post are imported; there are 60."),
        (
            {f"a{number}": 1 for number in range(MANY)},
            "50 more values of this object were changed or left out; 10 are listed.",
        ),
        (
            {"tags": [f"a{number}" for number in range(MANY)]},
            "has users, terms and rows about them that take more than 0 MB",
        ),
    ],
)
def test_a_post_of_an_export_is_bounded(tmp_path: Path, post: dict[str, Any], sentence: str | None) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps({**TANDEM, "posts": [TANDEM["posts"][0] | post]}))
    try:
        said = " ".join(_reasons(path))
    except SourceUnreadable as error:
        said = str(error)
    assert sentence is None or sentence in said, said
    assert (sentence is None) == (said == "")


@pytest.mark.parametrize("table", ["users", "tags", "posts_meta", "roles", "posts_tags", "posts_authors"])
def test_tables_of_ghost_are_bounded(tmp_path: Path, table: str) -> None:
    tables: dict[str, Any] = {**GHOST["db"][0]["data"], table: [{"id": number} for number in range(MANY)]}
    (tmp_path / "ghost.json").write_text(json.dumps({"db": [{"data": tables}]}))
    with pytest.raises(
        SourceUnreadable, match=r"ghost\.json has users, .* more than 0 MB of memory: divide the export\."
    ):
        _reasons(tmp_path / "ghost.json")


def test_a_table_of_long_texts_is_bounded(tmp_path: Path) -> None:
    users = [{"username": f"a{number}", "bio": "x" * 1_000} for number in range(8)]
    (tmp_path / "export.json").write_text(json.dumps({**TANDEM, "users": users}))
    with pytest.raises(SourceUnreadable, match="has users, terms and rows about them that take more than 0 MB"):
        _reasons(tmp_path / "export.json")


def test_names_of_one_member_are_counted_and_ten_are_listed(tmp_path: Path) -> None:
    text = json.dumps(TANDEM).replace('"title": "T"', '"a": 1,' * 20 + '"title": "T"')
    (tmp_path / "export.json").write_text(text)
    said = _reasons(tmp_path / "export.json")
    assert len(said) == 11
    assert said[-1].endswith("more values of this object were changed or left out; 10 are listed.")


def test_a_folder_of_many_names_goes_on_without_them(write_markdown: Callable[..., Path]) -> None:
    tags = ", ".join(f"a{number}" for number in range(MANY))
    write_markdown("a.md", f"title: A\ntags: [{tags}]")
    folder = write_markdown("b.md", "title: B")
    entries = [entry for source in open_sources(folder, AUTO) for entry in source]
    assert [entry.label for entry in entries if isinstance(entry, items.PostItem)] == ["post b.md"]
    skipped = next(entry for entry in entries if isinstance(entry, items.Skipped))
    assert skipped.change.reason.startswith("The folder has users, terms and rows about them that take more than")


def test_a_full_report_counts_what_it_does_not_list(tmp_path: Path) -> None:
    with Report(bytes_max=1_000) as report:
        for number in range(20):
            report.add(source="a", line=number, label="post", change=Change("slug", "x" * 100, None, "Taken."))
        report.write(tmp_path / "report.json")
        last = [*report.items()][-1]
    written = json.loads((tmp_path / "report.json").read_text())["items"]
    assert report.item_count == 20
    assert written[-1] == last
    assert last["reason"].startswith(
        f"{21 - len(written)} more values were changed or left out. A report has at most 1,000"
    )


@pytest.mark.parametrize(
    ("unknown", "shown"),
    [
        ("x" * 400, f"{'x' * 299}…"),
        ([10] * 100, f"[{'10, ' * 75}"[:299] + "…"),
        ({"a": ["b"]}, {"a": ["b"]}),
    ],
)
def test_an_unknown_value_of_a_user_is_kept_as_its_remark_shows_it(tmp_path: Path, unknown: Any, shown: Any) -> None:
    users = [{"username": "a", "old": unknown}]
    (tmp_path / "export.json").write_text(json.dumps({**TANDEM, "users": users}))
    [source] = open_sources(tmp_path / "export.json", AUTO)
    change = next(entry.changes[0] for entry in source if isinstance(entry, items.UserItem))
    assert change.original == shown


def test_values_of_a_user_that_a_remark_shows_are_counted(tmp_path: Path) -> None:
    users: list[dict[str, Any]] = [{"username": "a"} | {f"old{number}": [{}] * 40 for number in range(3)}]
    (tmp_path / "export.json").write_text(json.dumps({**TANDEM, "users": users}))
    with pytest.raises(SourceUnreadable, match="has users, terms and rows about them that take more than 0 MB"):
        _reasons(tmp_path / "export.json")


@pytest.mark.parametrize("format_name", ["ghost", "wxr"])
def test_one_file_at_a_time_is_in_memory(tmp_path: Path, write_wxr: Callable[..., Path], format_name: str) -> None:
    for number in range(4):
        if format_name == "ghost":
            (tmp_path / f"{number}.json").write_text(json.dumps(GHOST))
        else:
            write_wxr("<wp:author><wp:author_login>mia</wp:author_login></wp:author>", name=f"{number}.xml")
    before = _users_in_memory()
    sources = open_sources(tmp_path, format_name)
    assert _users_in_memory() == before
    for source in sources:
        assert [entry.label for entry in source if isinstance(entry, items.UserItem)] in (["user mia"], ["user u1"])
        assert _users_in_memory() == before


def _users_in_memory() -> int:
    return sum(type(one) is items.UserItem for one in gc.get_objects())


@pytest.mark.parametrize("format_name", ["ghost", "tandem"])
def test_an_empty_post_is_skipped(tmp_path: Path, format_name: str) -> None:
    empty = {"db": [{"data": {"posts": [{}]}}]} if format_name == "ghost" else {**TANDEM, "posts": [{}]}
    (tmp_path / "export.json").write_text(json.dumps(empty))
    assert _reasons(tmp_path / "export.json") == ["This object has no members."]
