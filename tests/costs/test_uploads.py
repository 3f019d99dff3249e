"""Hostile uploads: a body and a file of each type take time and memory by their size, whatever they promise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client

from cms.media.file_types import ALLOWED, IMAGES
from cms.models import User
from tests.costs.hostile_uploads import BODIES, BOUNDARY, FILES, with_file
from tests.costs.measuring import BASE_BYTES, MEGABYTE, REFUSAL_BYTES_MAX
from tests.memory import peak_memory
from tests.processor import processor_time
from tests.slow import slow

BASE_S: Final = 0.5
SECONDS_A_MEGABYTE: Final = 0.5
BYTES_A_BYTE: Final = 8
PICTURE_BYTES: Final = 300 * MEGABYTE
"""The largest picture takes that much, and a process works on one at a time."""
FILES_AS_CASES: Final = [(extension, what) for extension, files in FILES.items() for what in files]
type Upload = Callable[[bytes], Any]


@pytest.fixture
def upload(author: User, client_of: Callable[[User], Client], settings: Any, tmp_path: Path) -> Upload:
    settings.MEDIA_ROOT, client = tmp_path, client_of(author)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return lambda body: client.generic("POST", "/api/v2/media", body, kind)


def test_each_type_has_hostile_files() -> None:
    assert {each.extension for each in ALLOWED} - FILES.keys() == set()


@pytest.mark.parametrize("size", [128 * 1024, slow(50 * MEGABYTE)])
@pytest.mark.parametrize("what", BODIES)
def test_no_body_costs_more_than_its_size(what: str, size: int, upload: Upload) -> None:
    _assert_cheap(upload, BODIES[what](size), BASE_BYTES)


@pytest.mark.parametrize("size", [64 * 1024, slow(9 * MEGABYTE)])
@pytest.mark.parametrize(("extension", "what"), FILES_AS_CASES)
def test_no_file_costs_more_than_its_size(extension: str, what: str, size: int, upload: Upload) -> None:
    is_image = extension in {each.extension for each in IMAGES}
    body = with_file(FILES[extension][what](size), f"a{extension}")
    _assert_cheap(upload, body, PICTURE_BYTES if is_image else BASE_BYTES)


def _assert_cheap(upload: Upload, body: bytes, base_bytes: int) -> None:
    upload(with_file(b"a", "a.txt"))  # what is first used is loaded then
    with processor_time() as spent, peak_memory() as peak:
        answer = upload(body)
    assert answer.status_code < 500
    assert len(answer.content) < REFUSAL_BYTES_MAX
    assert spent.seconds < BASE_S + SECONDS_A_MEGABYTE * len(body) / MEGABYTE, (answer.status_code, answer.content)
    assert peak.bytes < base_bytes + BYTES_A_BYTE * len(body)
