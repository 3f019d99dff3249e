"""The work of a transfer: the check of an import, the import itself, an export. Run by a worker."""

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import Error, OperationalError, connections
from django.tasks import task
from django.utils.translation import gettext_noop

from cms import clock, limits, policy
from cms.choices import TransferKind, TransferState
from cms.errors import PermissionRefused
from cms.exporters.target import snapshot
from cms.exporters.writing import DOCUMENT, write_json
from cms.importers.cleaning import storable
from cms.importers.formats import AUTO, open_sources
from cms.importers.pipeline import import_source
from cms.importers.report import Report
from cms.importers.rolled_back import rolled_back
from cms.importers.sources import Source, SourceUnreadable
from cms.media.outages import is_full
from cms.models import Post, Transfer, User
from cms.scratch import scratch_folder
from cms.services.personal_traces import delete_files_later
from cms.transfers.archives import pack, unpack
from cms.transfers.claims import ClaimLost, claimed, ending, take_on

QUEUE: Final = Transfer.queue_name
SCRATCH_PREFIX: Final = "tandem-transfer-"
PROGRESS_EVERY_S: Final = 1.0
REMARKS_SHOWN: Final = 200
NAME_BYTES_MAX: Final = 255
"""File systems allow no more, and a name of 120 characters may have them."""
BROKEN: Final = gettext_noop("It failed. The log of the worker has the reason.")
STOPPED: Final = gettext_noop(
    "It was stopped: the account that started it was suspended or deleted, or is not an admin any more."
)
logger = logging.getLogger(__name__)


@task(queue_name=QUEUE)
def run_transfer(transfer_id: str) -> str:
    """Return the state that the transfer has afterwards. A worker that was killed is followed by another one."""
    transfer = take_on(transfer_id, now=clock.now())
    if transfer is None:
        return "gone"
    try:
        return _work_on(transfer)
    except ClaimLost:
        logger.warning("transfer %s was lost to another worker, or removed: nothing is written here", transfer.pk)
        return "lost"


def _work_on(transfer: Transfer) -> str:
    try:
        _require_starter(transfer)
        with scratch_folder(SCRATCH_PREFIX) as folder:
            work = _export if transfer.kind == TransferKind.EXPORT else _import
            return work(transfer, folder)
    except (OperationalError, ClaimLost):  # after the first the database comes back, and the job is tried again
        raise
    except SourceUnreadable as error:
        return _fail(transfer, str(error))
    except PermissionRefused as error:
        return _fail(transfer, error.message)
    except Exception as error:
        if transfer.kind == TransferKind.IMPORT and is_full(error):
            raise  # the job is tried again with the upload, which a failed import forgets
        logger.exception("transfer %s failed", transfer.pk)
        return _fail(transfer, BROKEN)


def _require_starter(transfer: Transfer) -> None:
    """Raise PermissionRefused once the user who has started it may not do so any more, as the database has it now."""
    user = User.objects.get(pk=transfer.started_by_id)
    if not policy.may_transfer(user):
        raise PermissionRefused(STOPPED)


def _import(transfer: Transfer, folder: Path) -> str:
    is_check = transfer.state == TransferState.CHECKING
    try:
        require = partial(_require_starter, transfer)
        sources = open_sources(_fetch(transfer, folder), AUTO)
        with Report(limits.IMPORT_REPORT_BYTES_MAX) as report:
            with _progress(transfer) as tell, rolled_back() if is_check else contextlib.nullcontext():
                for source in sources:
                    _name(source, transfer, folder)
                    import_source(source, report=report, now=clock.now(), on_progress=tell, require=require)
            path = _write_report(report, folder)
            with ending(transfer, now=clock.now()) as held:
                _keep_report(held, report, path)
                held.state = TransferState.CHECKED if is_check else TransferState.DONE
                if not is_check:
                    _forget_file(held)
    except SourceUnreadable as error:
        raise SourceUnreadable(_without(folder, str(error))) from error
    return str(held.state)


def _export(transfer: Transfer, folder: Path) -> str:
    document, archive = folder / DOCUMENT, folder / transfer.original_name
    done, total = 0, max(1, Post.objects.count())
    with _progress(transfer) as tell, snapshot():

        def advance() -> None:
            nonlocal done
            done += 1
            tell(_Count(done, total))

        counts = dict(write_json(document, advance=advance))
    pack(document, archive)
    with ending(transfer, now=clock.now()) as held:
        _require_starter(held)
        held.file = _store(archive, held.file_place)
        held.counts, held.state = counts, TransferState.DONE
    return str(held.state)


class _Count:
    def __init__(self, done: int, total: int) -> None:
        self.done, self.total = done, total


def _fetch(transfer: Transfer, folder: Path) -> Path:
    """Return the upload under its own name, which error sentences show; a zip as the folder that it holds."""
    name = transfer.original_name
    if len(os.fsencode(name)) > NAME_BYTES_MAX:
        name = f"upload{Path(name).suffix[:10]}"
    path = folder / name
    with default_storage.open(str(transfer.file.name)) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    if path.suffix.lower() != ".zip":
        return path
    inside = folder / "unpacked"
    inside.mkdir()
    return unpack(path, inside)


def _name(source: Source, transfer: Transfer, folder: Path) -> None:
    """Name a source that is known by its place alone after the upload: a second upload finds its objects."""
    if str(folder.resolve()) in source.name or str(folder) in source.name:
        source.name = f"upload:{transfer.original_name}"


def _without(folder: Path, text: str) -> str:
    """Remove the worker's folders from a text: nobody has put the file there."""
    for place in (folder / "unpacked", folder, folder.resolve() / "unpacked", folder.resolve()):
        text = text.replace(f"{place}/", "").replace(str(place), "the archive")
    return text


def _write_report(report: Report, folder: Path) -> Path:
    whole, path = folder / "whole-report.json", folder / "report.json"
    report.write(whole)
    with whole.open(encoding="utf-8") as source, path.open("w", encoding="utf-8") as target:
        target.writelines(_without(folder, line) for line in source)  # a line for each value that was changed
    return path


def _keep_report(held: Transfer, report: Report, path: Path) -> None:
    """Keep the report that was written to `path`, whose folder is the worker's."""
    last = held.report_names()
    held.report = _store(path, held.report_place)
    delete_files_later(last - {str(held.report)})
    held.counts, held.remark_count = report.counts, report.item_count
    shown = (item for item, _ in zip(report.items(), range(REMARKS_SHOWN), strict=False))
    held.remarks = [{name: _short(_without(path.parent, str(value))) for name, value in item.items()} for item in shown]


def _store(path: Path, place: str) -> str:
    """Store a file in its place. The storage would name it otherwise while bytes of a killed worker are there."""
    default_storage.delete(place)
    with path.open("rb") as content:
        return default_storage.save(place, File(content))


def _short(text: str) -> str:
    text = storable(text)
    return text if len(text) <= 300 else f"{text[:299]}…"


def _fail(transfer: Transfer, message: str) -> str:
    with ending(transfer, now=clock.now()) as held:
        held.state, held.message = TransferState.FAILED, storable(message)[:1_000]
        _forget_file(held)
        # They are of the check before it, or half stored.
        delete_files_later(held.report_names())
        held.report, held.counts, held.remarks, held.remark_count = "", {}, [], 0
    return str(held.state)


def _forget_file(held: Transfer) -> None:
    """Delete an upload that is needed no more, or half an export."""
    delete_files_later(held.file_names())
    held.file = ""


@contextlib.contextmanager
def _progress(transfer: Transfer) -> Iterator[Callable[[Any], None]]:
    """Yield what notes how far a source is. A thread writes it: a check would roll it back with the rest."""
    state = {"percent": 0}
    ended = threading.Event()

    def tell(source: Any) -> None:
        state["percent"] = min(99, 100 * source.done // max(1, source.total))

    thread = threading.Thread(target=_write_progress, args=(transfer, state, ended), daemon=True)
    thread.start()
    try:
        yield tell
    finally:
        ended.set()
        thread.join()


def _write_progress(transfer: Transfer, state: dict[str, int], ended: threading.Event) -> None:
    try:
        while not ended.wait(PROGRESS_EVERY_S):
            with contextlib.suppress(Error):  # the next one may be written
                claimed(transfer).update(percent=state["percent"])
    finally:
        connections.close_all()
