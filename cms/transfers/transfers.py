"""Starting imports and exports, and what becomes of them. A worker does the work: `cms/transfers/jobs.py`."""

import datetime
from typing import Any, NoReturn

from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from cms import limits, policy
from cms.choices import JobStatus, TransferKind, TransferState
from cms.errors import FieldError, InvalidInput, InvalidTransition, PermissionRefused, sentence
from cms.media.names import clean_name
from cms.models import Job, Transfer, User
from cms.models.transfers import UNDER_WAY
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row
from cms.services.personal_traces import delete_files_later
from cms.transfers.jobs import QUEUE, run_transfer

SUFFIXES = (".xml", ".json", ".zip", ".md", ".markdown")


def upload_import(*, actor: Actor, file: "UploadedFile[Any]", now: datetime.datetime) -> Transfer:
    """Store the file and let a worker find out what importing it would do. Raises InvalidInput about `file`."""
    user = _admin(actor)
    name = file.name or ""
    suffix = next((one for one in SUFFIXES if name.lower().endswith(one)), None)
    if suffix is None:
        _refuse(
            "type",
            sentence(
                "Send a WordPress export (.xml), a Ghost export (.json) or a .zip; this is %(name)s.", name=repr(name)
            ),
        )
    if not file.size or file.size > limits.IMPORT_BYTES_MAX:
        most = limits.IMPORT_BYTES_MAX // 1024**2
        _refuse(
            "size",
            sentence(
                "A file has 1 byte to %(most)s MB. Import larger ones with `manage.py import_content`.", most=most
            ),
        )
    transfer = Transfer(kind=TransferKind.IMPORT, state=TransferState.CHECKING, original_name=clean_name(name, suffix))
    transfer.started_by, transfer.created_at, transfer.updated_at = user, now, now
    transfer.file = default_storage.save(transfer.file_place, File(file))
    with transaction.atomic():
        transfer.save(force_insert=True)
        after = {"name": transfer.original_name, "size_bytes": file.size}
        record_event(actor, "transfer.uploaded", transfer, before={}, after=after)
        run_transfer.enqueue(str(transfer.pk))
    return transfer


def start_import(*, actor: Actor, transfer: Transfer, now: datetime.datetime) -> Transfer:
    """Import what was checked, for the actor from here on. Raises InvalidTransition unless the check has ended well."""
    user = _admin(actor)
    with transaction.atomic():
        transfer = lock_row(transfer)
        if transfer.state != TransferState.CHECKED:
            raise InvalidTransition("import", transfer.state, "started", ())
        transfer.state, transfer.percent, transfer.started_by = TransferState.RUNNING, 0, user
        transfer.updated_at = now
        transfer.save(update_fields=["state", "percent", "started_by", "updated_at"])
        record_event(actor, "transfer.started", transfer, before={}, after={"name": transfer.original_name})
        run_transfer.enqueue(str(transfer.pk))
    return transfer


def start_export(*, actor: Actor, now: datetime.datetime) -> Transfer:
    """Let a worker write all content into a file to download."""
    user = _admin(actor)
    name = f"tandem-export-{now:%Y-%m-%d-%H%M}.zip"
    transfer = Transfer(kind=TransferKind.EXPORT, state=TransferState.RUNNING, original_name=name, started_by=user)
    transfer.created_at = transfer.updated_at = now
    with transaction.atomic():
        transfer.save(force_insert=True)
        record_event(actor, "transfer.started", transfer, before={}, after={"name": name})
        run_transfer.enqueue(str(transfer.pk))
    return transfer


def delete_transfer(*, actor: Actor, transfer: Transfer) -> None:
    """Delete a transfer and its files, but no imported content. Raises InvalidTransition while a worker has it."""
    _admin(actor)
    with transaction.atomic():
        transfer = lock_row(transfer, is_doomed=True)
        if is_in_hand(transfer):
            raise InvalidTransition("transfer", transfer.state, "deleted", ())
        record_event(actor, "transfer.deleted", transfer, before={"name": transfer.original_name}, after={})
        delete_files_later(transfer.file_names() | transfer.report_names())
        transfer.delete()


def is_in_hand(transfer: Transfer) -> bool:
    """Return whether a worker has it. A job that was given up leaves its transfer as it was: nobody has that one."""
    if transfer.state not in UNDER_WAY:
        return False
    jobs = Job.objects.filter(queue_name=QUEUE, args__0=str(transfer.pk))
    return jobs.filter(status__in=[JobStatus.READY, JobStatus.RUNNING]).exists()


def _admin(actor: Actor) -> User:
    if not policy.may_transfer(actor):
        raise PermissionRefused("Only admins import and export content.")
    assert isinstance(actor, User)
    return actor


def _refuse(code: str, message: str) -> NoReturn:
    raise InvalidInput([FieldError("file", code, message)])
