"""What can't be played is refused before anything starts, with a sentence that says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import clocks
from tests.chaos.clocks import NoFaketime, find_faketime, set_clock
from tests.servers import ROOT, clean_environment


def chaos(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment({"CHAOS_FOLDER": str(folder), **settings})
    command = [sys.executable, "-m", "tests.chaos"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_fault_that_there_is_not_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    done = chaos(tmp_path, FAULTS="kill earthquake")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("FAULTS names 'earthquake'. Allowed are kill, disk-database,")


def test_a_seed_that_is_no_number_is_refused(tmp_path: Path) -> None:
    done = chaos(tmp_path, SEED="x")
    assert (done.returncode, done.stderr) == (1, "SEED='x' is not valid: allowed is a whole number.\n")


def test_without_faketime_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "PLACES", ())
    with pytest.raises(NoFaketime, match="apt-get install faketime"):
        find_faketime()


def test_a_clock_is_set_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "web-1.clock"
    for wrong_by_s, told in ((3_600, "+3600\n"), (-3_600, "-3600\n"), (0, "+0\n")):
        set_clock(file, wrong_by_s)
        assert file.read_text() == told
    assert [path.name for path in tmp_path.iterdir()] == ["web-1.clock"]
