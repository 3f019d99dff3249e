"""Media in a backup that somebody else has made: none leaves its folder, and none becomes longer than the backup."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from cms.backup.archive import media_members
from cms.backup.refusals import BackupRefused

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
