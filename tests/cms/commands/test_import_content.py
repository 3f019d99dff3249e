"""`manage.py import_content` as a process: exit codes, what it prints, and the report it writes."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import copied_database
from tests.servers import manage
from tests.slow import slow

POST = "---\ntitle: A\ndate: 2020-01-01\nmood: good\n---\nBody.\n"


@pytest.fixture
def database(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Path]:
    with copied_database(template_of("sqlite"), tmp_path) as url:
        yield Path(url.removeprefix("sqlite:///"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.md").write_text(POST)
    return folder


def _environment(database: Path) -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{database}", "SECRET_KEY": "x" * 50}


def _run(database: Path, *args: Any) -> Any:
    return manage("import_content", *map(str, args), env=_environment(database))


def _post_count(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM cms_post").fetchone()[0])


def test_an_import_ends_with_0_and_writes_a_report_of_the_agreed_shape(
    database: Path, site: Path, tmp_path: Path
) -> None:
    (site / "b.md").write_text("---\ntitle: [\n---\nBroken.\n")
    done = _run(database, site, "--report", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (done.returncode, done.stderr) == (0, "")
    assert report["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "skipped": 1, "failed": 0}
    assert {tuple(item) for item in report["items"]} == {
        ("source", "line", "object", "field", "original", "value", "reason")
    }
    assert "2 created, 0 updated, 0 unchanged, 1 skipped, 0 failed" in done.stdout


def test_a_dry_run_reports_the_same_and_changes_nothing(database: Path, site: Path, tmp_path: Path) -> None:
    dry, real = tmp_path / "dry.json", tmp_path / "real.json"
    assert _run(database, site, "--dry-run", "--report", dry).returncode == 0
    assert _post_count(database) == 0
    assert _run(database, site, "--report", real).returncode == 0
    assert _post_count(database) == 1
    assert dry.read_bytes() == real.read_bytes()


def test_without_a_report_file_every_change_is_printed(database: Path, site: Path) -> None:
    assert f"{site}/a.md:4: post a.md: mood: 'good' -> 'None': This key is not stored." in _run(database, site).stdout


def test_the_terminal_gets_names_of_files_without_their_control_characters(database: Path, site: Path) -> None:
    (site / "n\x1b[31m\n\x9b\u202e.md").write_text(POST)
    shown = _run(database, site).stdout
    assert f"{site}/n\\x1b[31m\\n\\x9b\\u202e.md:4: post n\\x1b[31m\\n\\x9b\\u202e.md: mood: 'good'" in shown
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize(("name", "options"), [("n\x1b[31m", ()), ("n\x1b[31m.xml", ("--format", "wxr"))])
def test_a_refusal_has_no_control_characters_either(
    database: Path, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "n\x1b[31m.xml").write_text("no XML")
    refused = _run(database, tmp_path / name, *options).stderr
    assert ("\\x1b[31m" in refused, "\x1b" in refused) == (True, False)


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("missing", None, ()),
        ("notes.txt", "not XML at all", ()),
        slow("notes.txt", "not XML at all", ("--format", "wxr")),
        slow("page.xml", "<html></html>", ()),
        slow("empty", "", ()),
        slow("empty", "", ("--format", "markdown")),
        ("a.md", POST, ("--report", "/nowhere/report.json")),
    ],
)
def test_a_source_or_a_report_that_cannot_be_used_ends_with_1_and_one_sentence(
    database: Path, tmp_path: Path, name: str, text: str | None, options: tuple[str, ...]
) -> None:
    path = tmp_path / name
    if name == "empty":
        path.mkdir()
    elif text is not None:
        path.write_text(text)
    done = _run(database, path, *options)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert _post_count(database) == 0


@pytest.mark.parametrize("arguments", [(), ("x", "--format", "word"), ("x", "--unknown")])
def test_wrong_usage_ends_with_2(database: Path, arguments: tuple[str, ...]) -> None:
    assert _run(database, *arguments).returncode == 2


def test_a_database_without_tables_is_one_sentence_too(tmp_path: Path, site: Path) -> None:
    done = _run(tmp_path / "new.sqlite3", site)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
