"""Imports and exports whose worker is killed, or stopped until another one has taken them on."""

import datetime
import errno
import io
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import Job, Transfer, User
from cms.transfers.claims import take_on
from cms.transfers.jobs import run_transfer
from cms.transfers.transfers import delete_transfer, start_export, start_import, upload_import

POST = "---\ntitle: One\n---\nWords.\n"
type Committing = Callable[..., Any]


class Killed(BaseException):
    """As kill -9: nothing catches it."""


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Committing:
    """`commit(act, …)`: act, with what a commit sets off."""

    def run(act: Callable[..., Any], *args: Any, **named: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return act(*args, **named)

    return run


def _upload(admin: User, now: datetime.datetime) -> Transfer:
    return upload_import(actor=admin, file=SimpleUploadedFile("one.md", POST.encode()), now=now)


def _stored(settings: Any) -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def _read(name: Any) -> Any:
    with default_storage.open(str(name)) as stream:
        return json.load(stream)


def _work_and_be_killed(transfer: Transfer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run it until the worker has stored a file and not yet written its row."""
    save = FileSystemStorage.save

    def save_and_die(*args: Any, **named: Any) -> Any:
        save(*args, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "save", save_and_die)
        with pytest.raises(Killed):
            run_transfer.call(str(transfer.pk))


def _meanwhile(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, act: Callable[[], object]) -> None:
    """Let the first call of `place.name` return only after `act`, as in a worker that was stopped there."""
    real, acts = getattr(place, name), [act]

    def late(*args: Any, **named: Any) -> Any:
        result = real(*args, **named)
        if acts:
            acts.pop()()
        return result

    monkeypatch.setattr(place, name, late)


def test_the_next_worker_puts_its_export_in_the_place_of_the_killed_ones(
    admin: User, now: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = start_export(actor=admin, now=now)
    _work_and_be_killed(transfer, monkeypatch)
    run_transfer.call(str(transfer.pk))
    transfer.refresh_from_db()
    assert transfer.state == "done"
    assert _stored(settings) == {transfer.file.name}


def test_the_next_worker_puts_its_report_in_the_place_of_the_killed_ones(
    admin: User, now: Any, settings: Any, commit: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = _upload(admin, now)
    _work_and_be_killed(transfer, monkeypatch)
    run_transfer.call(str(transfer.pk))
    transfer = start_import(actor=admin, transfer=transfer, now=now)
    _work_and_be_killed(transfer, monkeypatch)
    commit(run_transfer.call, str(transfer.pk))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.file.name) == ("done", "")
    assert _stored(settings) == {transfer.report.name}


@pytest.mark.parametrize("start", [start_export, lambda *, actor, now: _upload(actor, now)], ids=["export", "import"])
def test_removing_a_transfer_removes_what_a_killed_worker_has_stored(
    start: Callable[..., Transfer],
    admin: User,
    now: Any,
    settings: Any,
    commit: Committing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transfer = start(actor=admin, now=now)
    _work_and_be_killed(transfer, monkeypatch)
    Job.objects.update(status="dead")
    assert _stored(settings)
    commit(delete_transfer, actor=admin, transfer=transfer)
    assert _stored(settings) == set()


def test_half_an_export_goes_when_the_storage_fails(
    admin: User, now: Any, settings: Any, commit: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = start_export(actor=admin, now=now)

    def run_out_of_space() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    _meanwhile(monkeypatch, FileSystemStorage, "save", run_out_of_space)
    commit(run_transfer.call, str(transfer.pk))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.file.name) == ("failed", "")
    assert _stored(settings) == set()


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_an_import_waits_until_the_disk_of_the_worker_has_room(
    admin: User, now: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.md", POST)
    transfer = upload_import(actor=admin, file=SimpleUploadedFile("blog.zip", packed.getvalue()), now=now)

    def run_out_of_space() -> None:
        raise OSError(reason, os.strerror(reason))

    _meanwhile(monkeypatch, zipfile.ZipFile, "open", run_out_of_space)
    begun = timezone.now()
    run_job(_claimed(begun), clock=timezone.now)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.message, Job.objects.get().status) == ("checking", "", "ready")
    assert _stored(settings) == {transfer.file.name}
    run_job(_claimed(begun + datetime.timedelta(hours=1)), clock=timezone.now)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.message, Job.objects.get().status) == ("checked", "", "successful")


def _claimed(now: datetime.datetime) -> Job:
    job = claim_job(worker="w", now=now)
    assert job is not None
    return job


def test_the_folder_of_a_killed_worker_goes_with_the_next_transfer(
    admin: User, now: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "tandem-transfer-left"
    left.mkdir()
    (left / "tandem.json").write_text("everybody's addresses")
    os.utime(left, (time.time() - 3_600,) * 2)
    run_transfer.call(str(start_export(actor=admin, now=now).pk))
    assert list(tmp_path.glob("tandem-transfer-*")) == []


def test_a_late_check_leaves_an_import_that_was_done_meanwhile(
    admin: User, now: Any, settings: Any, commit: Committing, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    transfer = _upload(admin, now)

    def check_and_import() -> None:
        run_transfer.call(str(transfer.pk))
        start_import(actor=admin, transfer=transfer, now=now)
        commit(run_transfer.call, str(transfer.pk))

    _meanwhile(monkeypatch, shutil, "copyfileobj", check_and_import)
    commit(run_transfer.call, str(transfer.pk))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.counts["created"]) == ("done", 2)
    assert _stored(settings) == {transfer.report.name}
    assert _read(transfer.report)["counts"] == transfer.counts
    assert f"transfer {transfer.pk} was lost to another worker" in caplog.text


def test_a_late_export_leaves_the_one_of_another_worker(
    admin: User, now: Any, settings: Any, make_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = start_export(actor=admin, now=now)

    def write_and_export() -> None:
        make_post(title="Written meanwhile")
        run_transfer.call(str(transfer.pk))

    _meanwhile(monkeypatch, zipfile.ZipFile, "write", write_and_export)
    run_transfer.call(str(transfer.pk))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.counts["posts"]) == ("done", 1)
    assert _stored(settings) == {transfer.file.name}
    with default_storage.open(transfer.file.name) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        assert len(json.loads(archive.read("tandem.json"))["posts"]) == 1


def test_a_late_worker_that_fails_leaves_the_transfer_that_another_one_has_in_hand(
    admin: User, now: Any, settings: Any, commit: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = _upload(admin, now)

    def begin_again_and_fail_here() -> None:
        take_on(str(transfer.pk), now=now)
        raise ValueError

    _meanwhile(monkeypatch, shutil, "copyfileobj", begin_again_and_fail_here)
    commit(run_transfer.call, str(transfer.pk))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.message) == ("checking", "")
    assert _stored(settings) == {transfer.file.name}


def test_a_late_worker_does_not_bring_back_a_transfer_that_was_removed(
    admin: User, now: Any, settings: Any, commit: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = _upload(admin, now)

    def give_up_and_remove() -> None:
        Job.objects.update(status="dead")
        delete_transfer(actor=admin, transfer=transfer)

    _meanwhile(monkeypatch, shutil, "copyfileobj", give_up_and_remove)
    commit(run_transfer.call, str(transfer.pk))
    assert not Transfer.objects.exists()
    assert _stored(settings) == set()
