"""Folders for what is half done: private, gone in the end, and gone later when a process was killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cms.scratch import scratch_folder
from tests.servers import ROOT

OLD_S = 3_600
HOLD = "import sys, time, pathlib; from cms.scratch import scratch_folder\n"
HOLD += "with scratch_folder('.half-', pathlib.Path(sys.argv[1])): print(flush=True); time.sleep(60)"


def grow_old(folder: Path) -> None:
    os.utime(folder, (time.time() - OLD_S,) * 2)


def work_and_fail(parent: Path) -> None:
    with scratch_folder(".half-", parent) as folder:
        assert (folder.parent, folder.stat().st_mode & 0o777) == (parent, 0o700)
        (folder / "database").write_text("half")
        raise KeyError


def test_it_is_its_owners_alone_and_goes_with_the_block(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        work_and_fail(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_has_left_goes_and_what_another_works_in_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        [left] = tmp_path.iterdir()
        grow_old(left)
        with scratch_folder(".half-", tmp_path):
            assert left.is_dir()
        process.kill()
    with scratch_folder(".half-", tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_young_folder_and_those_of_other_names_stay(tmp_path: Path) -> None:
    """A young one may belong to a process that is about to lock it."""
    for name in (".half-young", ".other-old", "half-old"):
        (tmp_path / name).mkdir()
    grow_old(tmp_path / ".other-old")
    grow_old(tmp_path / "half-old")
    with scratch_folder(".half-", tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".half-young", ".other-old", "half-old"]
