"""`manage.py export_content` as a process: exit codes, what it prints, where it writes, and what it never writes."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import copied_database
from tests.servers import manage

SECRET = "tandem-demo-2026"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the demo content."""
    path = tmp_path_factory.mktemp("database") / "demo.sqlite3"
    done = manage("migrate", "-v0", env=_environment(path))
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def empty_database(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with copied_database(template_of("sqlite"), tmp_path_factory.mktemp("database")) as url:
        yield Path(url.removeprefix("sqlite:///"))


def _environment(database: Path) -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{database}", "SECRET_KEY": "x" * 50}


def _run(database: Path, command: str, *args: Any) -> Any:
    return manage(command, *map(str, args), env=_environment(database))


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_what_is_exported_can_be_imported_elsewhere_with_any_format_that_fits(
    database: Path, empty_database: Path, tmp_path: Path
) -> None:
    done = _run(database, "export_content", tmp_path / "out", "--format", "markdown", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["counts"]["posts"] == len([name for name in _files(tmp_path / "out") if name.endswith(".md")])
    imported = _run(empty_database, "import_content", tmp_path / "out", "--format", "markdown", "--trust-roles")
    assert imported.returncode == 0, imported.stderr
    assert "0 skipped, 0 failed" in imported.stdout
    assert _run(empty_database, "export_content", tmp_path / "again", "--format", "markdown").returncode == 0
    assert _files(tmp_path / "again") == _files(tmp_path / "out")


def test_json_is_one_document_in_a_folder_or_by_itself(database: Path, tmp_path: Path) -> None:
    assert _run(database, "export_content", tmp_path / "out", "--format", "json").returncode == 0
    assert _run(database, "export_content", tmp_path / "out.json", "--format", "json").returncode == 0
    assert (tmp_path / "out/tandem.json").read_bytes() == (tmp_path / "out.json").read_bytes()
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert set(document) == {"format", "version", "users", "categories", "tags", "posts"}


@pytest.mark.parametrize("format_name", ["json", "markdown"])
def test_no_secret_leaves_and_nobody_else_may_read_it(database: Path, tmp_path: Path, format_name: str) -> None:
    assert _run(database, "export_content", tmp_path / "out", "--format", format_name).returncode == 0
    everything = b"".join(_files(tmp_path / "out").values())
    for secret in (SECRET, "password", "argon2", "session", "secret_key"):
        assert f'"{secret}"'.encode() not in everything
    assert b"$argon2" not in everything
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


@pytest.mark.slow
def test_nothing_is_overwritten_and_nothing_is_left_behind(database: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a").write_text("mine")
    (tmp_path / "a.json").write_text("mine")
    (tmp_path / "empty").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    for path in (tmp_path / "full", tmp_path / "a.json", tmp_path / "full/a", tmp_path / "no/such/folder"):
        done = _run(database, "export_content", path, "--format", "json")
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "full/a").read_text() == (tmp_path / "a.json").read_text() == "mine"
    assert _run(database, "export_content", tmp_path / "empty", "--format", "json").returncode == 0


@pytest.mark.parametrize("arguments", [(), ("x",), ("x", "--format", "word")])
def test_wrong_usage_ends_with_2(database: Path, arguments: tuple[str, ...]) -> None:
    assert _run(database, "export_content", *arguments).returncode == 2


def test_a_database_without_tables_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    done = _run(tmp_path / "new.sqlite3", "export_content", tmp_path / "out", "--format", "markdown")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert not list(tmp_path.glob("*out*"))
