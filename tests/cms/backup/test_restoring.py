"""Restoring files into a media folder: what can't have its place is refused before the database changes."""

import datetime
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cms.backup.archive import opener_of, write_archive
from cms.backup.manifest import Manifest
from cms.backup.sqlite import SqliteDatabase
from tests.cms.commands.typed import refusal, run
from tests.databases import process_env
from tests.servers import manage

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NAMES = ("2026/a.png", "2026/b.png")
# A folder comes in the way once all has been checked.
LATE = """
from pathlib import Path
from cms.backup.restoring import restore_backup

def begin(label, total):
    if label == "Restoring":
        Path({place!r}).mkdir()
    return lambda done: None

restore_backup(Path({path!r}), is_forced=False, on_step=begin)
"""


@pytest.fixture
def backup_with(tmp_path: Path) -> Callable[..., Path]:
    """`backup_with("a.png")`: a backup of a database with one table, and of these media files."""

    def make(*names: str) -> Path:
        with closing(sqlite3.connect(tmp_path / "small.sqlite3")) as small:
            small.execute("CREATE TABLE note (content TEXT)")
        dump = SqliteDatabase(tmp_path / "small.sqlite3").dump(tmp_path / "dump", lambda done: None)
        content = tmp_path / "content"
        content.write_bytes(b"a picture")
        media = [(name, opener_of(content)) for name in names]
        path = tmp_path / "site.backup"
        write_archive(path, Manifest("sqlite", NOW.isoformat(), dump), tmp_path / "dump", media, lambda done: None)
        return path

    return make


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    return folder


@pytest.fixture
def env(tmp_path: Path, media: Path) -> dict[str, str]:
    """The environment of a process whose database is absent."""
    return process_env(f"sqlite:///{tmp_path / 'db.sqlite3'}", MEDIA_ROOT=str(media))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        if os.environ.get("REQUIRE_SERVICES", "").lower() in ("1", "true"):
            pytest.fail("/dev/shm is not another file system than the folder of the tests")
        pytest.skip("/dev/shm is not another file system than the folder of the tests")
    folder = Path(tempfile.mkdtemp(dir=shm))
    yield folder
    shutil.rmtree(folder)


def a_folder(media: Path) -> None:
    (media / NAMES[1]).mkdir(parents=True)


def a_file(media: Path) -> None:
    (media / "2026").touch()


def nothing(media: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("names", "prepare", "sentence"),
    [
        (NAMES, a_folder, "b.png is a folder"),
        (NAMES, a_file, "File exists"),
        (["2026/a.png", "2026/" + "b" * 300], nothing, "File name too long"),
        (["2026/a.png", "2026/é\0"], nothing, "unsafe file: 'media/2026/é\\x00'"),
    ],
    ids=["folder", "file", "long", "NUL"],
)
def test_a_file_without_a_place_is_refused_and_nothing_is_changed(
    names: list[str],
    prepare: Callable[[Path], None],
    sentence: str,
    backup_with: Callable[..., Path],
    media: Path,
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    prepare(media)
    assert sentence in refusal("restore", str(backup_with(*names)), env=env)
    assert not (tmp_path / "db.sqlite3").exists()
    assert [path.name for path in media.rglob("*") if path.name != "2026" and path.is_file()] == []


def test_a_place_that_nothing_can_be_moved_to_is_refused_and_nothing_is_changed(
    backup_with: Callable[..., Path], media: Path, env: dict[str, str], elsewhere: Path, tmp_path: Path
) -> None:
    (media / "2026").symlink_to(elsewhere)
    assert os.strerror(18) in refusal("restore", str(backup_with(*NAMES)), env=env)
    assert not (tmp_path / "db.sqlite3").exists()
    assert list(elsewhere.iterdir()) == []


def test_a_file_that_lost_its_place_meanwhile_is_named_and_a_second_run_completes_it(
    backup_with: Callable[..., Path], media: Path, env: dict[str, str], tmp_path: Path
) -> None:
    path, lost = backup_with(*NAMES), media / NAMES[0]
    done = manage("shell", "-c", LATE.format(place=str(lost), path=str(path)), env=env)
    last = done.stderr.splitlines()[-1]
    assert "The database is that of the backup now, but 1 of 2 media files could not be moved" in last
    assert f"{lost} (Is a directory)" in last
    assert (media / NAMES[1]).read_bytes() == b"a picture"
    lost.rmdir()
    run("restore", "--force", str(path), env=env)
    assert lost.read_bytes() == b"a picture"
