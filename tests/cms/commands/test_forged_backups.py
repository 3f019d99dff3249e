"""A backup that somebody else has made or damaged is refused in a sentence.

None of its media leaves its folder or becomes longer than the backup.
"""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cms.backup.archive import DATABASE, media_members, member_stream, open_archive
from cms.backup.manifest import Dump, Manifest
from cms.backup.media import staged_media
from cms.backup.refusals import BackupRefused
from tests.buckets import Bucket

FORGED = {
    "above": [("media/../a", tarfile.REGTYPE)],
    "no name": [("media", tarfile.REGTYPE)],
    "symbolic link": [("media/a", tarfile.SYMTYPE)],
    "hard link": [("media/a", tarfile.LNKTYPE)],
    "device": [("media/a", tarfile.CHRTYPE)],
    "a folder that is a file": [("media/a", tarfile.REGTYPE), ("media/a/b", tarfile.REGTYPE)],
    "a file that is a folder": [("media/a/b/c", tarfile.REGTYPE), ("media/a", tarfile.REGTYPE)],
}


@pytest.mark.parametrize("members", FORGED.values(), ids=FORGED)
def test_a_member_that_is_no_file_of_its_own_is_refused(members: list[tuple[str, bytes]]) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:") as tar:
        tar.addfile(tarfile.TarInfo("media/sound"))
        for name, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            tar.addfile(info)
    written.seek(0)
    with tarfile.open(fileobj=written) as tar, pytest.raises(BackupRefused, match=f"unsafe file: '{members[-1][0]}'"):
        list(media_members(tar))


def test_a_file_of_holes_is_refused(tmp_path: Path) -> None:
    """It has a block in the backup, and would fill the disk."""
    (tmp_path / "media").mkdir()
    with (tmp_path / "media" / "a").open("wb") as sparse:
        sparse.truncate(10_000_000)
    subprocess.run(["tar", "--sparse", "-cf", "forged.tar", "media/a"], cwd=tmp_path, check=True)
    assert (tmp_path / "forged.tar").stat().st_size < 100_000
    with tarfile.open(tmp_path / "forged.tar") as tar, pytest.raises(BackupRefused, match="unsafe file"):
        list(media_members(tar))


SOUND = Manifest("sqlite", "2026-01-01T00:00:00+00:00", Dump("3.46.1", ["cms.0001_initial"], {"cms_post": 3}, None))
DAMAGED: dict[str, Any] = {
    "no migrations": {"migrations": None},
    "a number among the migrations": {"migrations": ["cms.0001_initial", 1]},
    "no tables": {"tables": None},
    "tables as a list": {"tables": ["cms_post"]},
    "no table at all, in a list": {"tables": []},
    "tables as pairs": {"tables": [["cms_post", 3]]},
    "a table whose name clears the screen": {"tables": {"cms_post\x1b[2J": 3}},
    "a migration of two lines": {"migrations": ["cms.0001_initial\nINFO: fine."]},
    "rows as a text": {"tables": {"cms_post": "3"}},
    "a version that is none": {"server_version": 3},
    "a program's version as a text": {"tool_major": "17"},
}


def test_a_sound_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.from_json(SOUND.to_json()) == SOUND


@pytest.mark.parametrize("changes", DAMAGED.values(), ids=DAMAGED)
def test_a_dump_of_other_types_is_refused(changes: dict[str, Any]) -> None:
    values = json.loads(SOUND.to_json())
    values["dump"] |= changes
    with pytest.raises(BackupRefused, match="manifest can't be read"):
        Manifest.from_json(json.dumps(values).encode())


@pytest.mark.parametrize(
    "changes", [{"engine": None}, {"engine": "\x1b[2J"}, {"created_at": 1}, {"created_at": "now"}, {"dump": None}]
)
def test_a_manifest_of_other_types_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BackupRefused, match="manifest can't be read"):
        Manifest.from_json(json.dumps(json.loads(SOUND.to_json()) | changes).encode())


@pytest.mark.parametrize("text", [b"[" * 200_000 + b"]" * 200_000, b"1", b"null", b"\xff"])
def test_a_manifest_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(BackupRefused, match="manifest can't be read"):
        Manifest.from_json(text)


def test_headers_of_a_sparse_file_that_say_nothing_are_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("media/a")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    with tarfile.open(path := tmp_path / "forged.tar", "w:", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    with pytest.raises(BackupRefused, match="can't be read"), open_archive(path) as tar:
        list(tar)


def archive_of(*members: tarfile.TarInfo) -> tarfile.TarFile:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member)
    written.seek(0)
    return tarfile.open(fileobj=written)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_a_database_that_is_no_file_is_refused(kind: bytes) -> None:
    link = tarfile.TarInfo(DATABASE)
    link.type, link.linkname = kind, DATABASE
    with archive_of(link) as tar, pytest.raises(BackupRefused, match="holds no database"):
        member_stream(tar, DATABASE)


@pytest.mark.parametrize("name", ["media/\udcff.png", "media/..\\..\\evil"])
def test_a_name_that_no_bucket_has_is_refused(bucket: Bucket, name: str) -> None:
    with (
        archive_of(tarfile.TarInfo(name)) as tar,
        pytest.raises(BackupRefused, match="object storage"),
        staged_media(tar, lambda done: None),
    ):
        pass
    assert bucket.names() == []
