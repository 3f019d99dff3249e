"""The work of a transfer: the check of an import, the import itself, an export. Run by a worker."""

import contextlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import Error, OperationalError, connections
from django.tasks import task
from django.utils.translation import gettext_noop

from cms import clock, limits
from cms.choices import TransferKind, TransferState
from cms.exporters.target import snapshot
from cms.exporters.writing import DOCUMENT, write_json
from cms.importers.cleaning import storable
from cms.importers.formats import AUTO, open_sources
from cms.importers.pipeline import import_source
from cms.importers.report import Report
from cms.importers.rolled_back import rolled_back
from cms.importers.sources import Source, SourceUnreadable
from cms.models import Post, Transfer
from cms.transfers.archives import pack, unpack

QUEUE: Final = Transfer.queue_name
PROGRESS_EVERY_S: Final = 1.0
REMARKS_SHOWN: Final = 200
NAME_BYTES_MAX: Final = 255
"""File systems allow no more, and a name of 120 characters may have them."""
BROKEN: Final = gettext_noop("It failed. The log of the worker has the reason.")
logger = logging.getLogger(__name__)


@task(queue_name=QUEUE)
def run_transfer(transfer_id: str) -> str:
    """Return the state that the transfer has afterwards. A worker that was killed is followed by another one."""
    transfer = Transfer.objects.filter(
        pk=transfer_id, state__in=[TransferState.CHECKING, TransferState.RUNNING]
    ).first()
    if transfer is None:
        return "gone"
    try:
        with tempfile.TemporaryDirectory(prefix="tandem-transfer-") as folder:
            if transfer.kind == TransferKind.EXPORT:
                _export(transfer, Path(folder))
            else:
                _import(transfer, Path(folder))
    except OperationalError:  # the database comes back, and the job is tried again
        raise
    except SourceUnreadable as error:
        _fail(transfer, str(error))
    except Exception:
        logger.exception("transfer %s failed", transfer.pk)
        _fail(transfer, BROKEN)
    return str(transfer.state)


def _import(transfer: Transfer, folder: Path) -> None:
    is_check = transfer.state == TransferState.CHECKING
    path = _fetch(transfer, folder)
    try:
        sources = open_sources(path, AUTO)
        with Report(limits.IMPORT_REPORT_BYTES_MAX) as report, _progress(transfer) as tell:
            with rolled_back() if is_check else contextlib.nullcontext():
                for source in sources:
                    _name(source, transfer, folder)
                    import_source(source, report=report, now=clock.now(), on_progress=tell)
            _keep_report(transfer, report, folder)
    except SourceUnreadable as error:
        raise SourceUnreadable(_without(folder, str(error))) from error
    transfer.state = TransferState.CHECKED if is_check else TransferState.DONE
    _finish(transfer)
    if not is_check:
        _forget_file(transfer)


def _export(transfer: Transfer, folder: Path) -> None:
    document, archive = folder / DOCUMENT, folder / transfer.original_name
    done, total = 0, max(1, Post.objects.count())
    with _progress(transfer) as tell, snapshot():

        def advance() -> None:
            nonlocal done
            done += 1
            tell(_Count(done, total))

        transfer.counts = dict(write_json(document, advance=advance))
    pack(document, archive)
    with archive.open("rb") as content:
        name = f"transfers/{transfer.created_at:%Y/%m}/{transfer.pk.hex}.zip"
        transfer.file = default_storage.save(name, File(content))
    transfer.state = TransferState.DONE
    _finish(transfer)


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


def _keep_report(transfer: Transfer, report: Report, folder: Path) -> None:
    whole, path = folder / "whole-report.json", folder / "report.json"
    report.write(whole)
    with whole.open(encoding="utf-8") as source, path.open("w", encoding="utf-8") as target:
        target.writelines(_without(folder, line) for line in source)  # a line for each value that was changed
    last = str(transfer.report.name) if transfer.report else ""
    with path.open("rb") as content:
        name = f"transfers/{transfer.created_at:%Y/%m}/{transfer.pk.hex}-report.json"
        transfer.report = default_storage.save(name, File(content))
    if last:
        default_storage.delete(last)
    transfer.counts, transfer.remark_count = report.counts, report.item_count
    shown = (item for item, _ in zip(report.items(), range(REMARKS_SHOWN), strict=False))
    transfer.remarks = [{name: _short(_without(folder, str(value))) for name, value in item.items()} for item in shown]


def _short(text: str) -> str:
    text = storable(text)
    return text if len(text) <= 300 else f"{text[:299]}…"


def _fail(transfer: Transfer, message: str) -> None:
    transfer.state, transfer.message = TransferState.FAILED, storable(message)[:1_000]
    _finish(transfer)
    _forget_file(transfer)


def _finish(transfer: Transfer) -> None:
    transfer.percent, transfer.finished_at = 100, clock.now()
    transfer.updated_at = transfer.finished_at
    transfer.save()


def _forget_file(transfer: Transfer) -> None:
    """An upload is needed no more; an export is what was asked for."""
    if transfer.kind == TransferKind.IMPORT and transfer.file:
        default_storage.delete(str(transfer.file.name))
        transfer.file = ""
        transfer.save(update_fields=["file"])


@contextlib.contextmanager
def _progress(transfer: Transfer) -> Iterator[Callable[[Any], None]]:
    """Yield what notes how far a source is. A thread writes it: a check would roll it back with the rest."""
    state = {"percent": 0}
    ended = threading.Event()

    def tell(source: Any) -> None:
        state["percent"] = min(99, 100 * source.done // max(1, source.total))

    thread = threading.Thread(target=_write_progress, args=(transfer.pk, state, ended), daemon=True)
    thread.start()
    try:
        yield tell
    finally:
        ended.set()
        thread.join()


def _write_progress(pk: Any, state: dict[str, int], ended: threading.Event) -> None:
    try:
        while not ended.wait(PROGRESS_EVERY_S):
            with contextlib.suppress(Error):  # the next one may be written
                Transfer.objects.filter(pk=pk).update(percent=state["percent"])
    finally:
        connections.close_all()
