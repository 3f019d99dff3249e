"""Files of a multipart body on a disk that is full, and in a process that is killed: no byte of them stays."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

DISK_BYTES = 4 * 2**20
SENT = f"""
import json, os, sys, django
from pathlib import Path
from tests.chaos.disks import Disk, enter_own_mounts
enter_own_mounts()
django.setup()
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
folder, sizes = Path(sys.argv[1]), json.loads(sys.argv[2])
disk = Disk(folder, {DISK_BYTES}, {{}})
disk.mount()
settings.FILE_UPLOAD_TEMP_DIR = str(folder)
files = {{f"file{{number}}": SimpleUploadedFile("a.bin", bytes(size)) for number, size in enumerate(sizes)}}
request, error = RequestFactory().post("/", files), None
try:
    list(request.FILES)
except Exception as caught:
    error = caught  # with its traceback, as a log keeps it
print(json.dumps([type(error).__name__, disk.used_bytes, os.listdir(folder)]))
"""


def sent(folder: Path, *sizes: int) -> list[object]:
    """Return how a body of such files ended in a process with a small disk, its bytes that are left, and its files."""
    words = [sys.executable, "-c", SENT, str(folder / "disk"), json.dumps(sizes)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    told: list[object] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("sizes", [(3 * DISK_BYTES,), (DISK_BYTES * 3 // 4, DISK_BYTES * 3 // 4)])
def test_a_full_disk_is_told_as_that_of_the_files_and_emptied_at_once(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    assert sent(tmp_path, *sizes) == ["MediaFull", 0, []]


def test_a_large_file_has_no_name_that_a_killed_process_leaves(tmp_path: Path) -> None:
    [ended, used, names] = sent(tmp_path, DISK_BYTES * 3 // 4)
    assert (ended, names) == ("NoneType", [])
    assert isinstance(used, int)
    assert used >= DISK_BYTES * 3 // 4


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_files_come_whole_with_their_names_and_types(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    given = SimpleUploadedFile("résumé.pdf", content, "application/pdf")
    request = RequestFactory().post("/", {"file": given, "text": "a"})
    [file] = request.FILES.values()
    assert (file.name, file.content_type, file.size, file.read()) == ("résumé.pdf", "application/pdf", size, content)
    assert request.POST["text"] == "a"
    request.close()
    assert file.closed


def test_many_parts_of_a_large_body_are_not_held_in_memory() -> None:
    few, many = (
        RequestFactory().post("/", {f"file{n}": SimpleUploadedFile("a.bin", bytes(1_000_000)) for n in range(count)})
        for count in (2, 4)
    )
    assert [part.file._rolled for part in few.FILES.values()] == 2 * [False]
    assert [part.file._rolled for part in many.FILES.values()] == 4 * [True]
    few.close()
    many.close()
