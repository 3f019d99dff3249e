"""The secret key of a clone: made once, by whoever comes first, and read by its owner alone."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cms.secret_key import load_or_make_secret_key
from tests.servers import ROOT, clean_environment

MAKE = (
    "import pathlib, sys; from cms.secret_key import load_or_make_secret_key as m; print(m(pathlib.Path(sys.argv[1])))"
)


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"
    key = load_or_make_secret_key(path)
    assert len(key) >= 50
    assert load_or_make_secret_key(path) == key == path.read_text().strip()
    assert load_or_make_secret_key(tmp_path / "other") != key


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"
    load_or_make_secret_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_eight_processes_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / ".secret_key"
    command = [sys.executable, "-c", MAKE, str(path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=clean_environment({}), stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    keys = {process.communicate(timeout=300)[0].strip() for process in processes}
    assert keys == {path.read_text().strip()}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "\n", "short\n"])
def test_a_file_without_a_good_key_ends_the_process(tmp_path: Path, content: str) -> None:
    path = tmp_path / ".secret_key"
    path.write_text(content)
    with pytest.raises(SystemExit) as caught:
        load_or_make_secret_key(path)
    assert str(path) in str(caught.value.code)
    assert path.read_text() == content


def test_a_folder_that_is_missing_ends_the_process_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_make_secret_key(tmp_path / "missing" / ".secret_key")
    assert str(caught.value.code).startswith("SECRET_KEY is not set")
    assert "\n" not in str(caught.value.code)
