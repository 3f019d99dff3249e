"""Checks of media: rows and the files that they refer to."""

import datetime
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.db.models import Q

from cms.integrity.findings import Check, Finding
from cms.models import MediaFile, Rendition, Transfer
from cms.models.transfers import UNDER_WAY
from cms.querysets.walking import walk_by_key

FOLDERS = ("media", "renditions", "transfers")
YOUNG_H = 1  # an upload writes its file before its row


def _rows() -> Iterator[Any]:
    for model in (MediaFile, Rendition):
        yield from walk_by_key(model._default_manager.all())


def find_missing(now: datetime.datetime) -> Iterator[Finding]:
    """Find missing files. They are not mended: the bytes are in a backup or nowhere."""
    for row in _rows():
        storage, name = row.file.storage, str(row.file.name)
        size = _size_of(storage, name)
        if size == row.size_bytes:
            continue
        if type(row)._default_manager.filter(pk=row.pk).exists():  # else it was deleted while we looked
            text = f"has no file at {name}" if size is None else f"has {row.size_bytes} bytes, but {name} has {size}"
            yield Finding(str(row._meta.model_name), row.pk, text)


def _size_of(storage: Storage, name: str) -> int | None:
    try:
        return storage.size(name)
    except FileNotFoundError:
        return None


def find_changed(now: datetime.datetime) -> Iterator[Finding]:
    for media in walk_by_key(MediaFile.objects.all()):
        storage, name = media.file.storage, str(media.file.name)
        try:
            with storage.open(name) as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:  # the business of the check before
            continue
        if digest != media.sha256:
            yield Finding("mediafile", media.pk, f"has a file whose bytes have changed: {name}")


def find_strays(now: datetime.datetime) -> Iterator[Finding]:
    """Yield files without a row. They are not deleted: the person who put one there may want it."""
    youngest = now - datetime.timedelta(hours=YOUNG_H)
    for folder in FOLDERS:
        for name in _files_below(default_storage, folder):
            shown = _shown(name)
            # No row has a name that is not UTF-8, and the database takes none.
            is_known = shown == name and (_is_of_media(name) or _is_of_transfer(name))
            if not is_known and _is_older(name, youngest):
                yield Finding("file", shown, "belongs to no row")


def _shown(name: str) -> str:
    """Return the name as text: what is not UTF-8 becomes escaped bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_of_media(name: str) -> bool:
    return any(model._default_manager.filter(file=name).exists() for model in (MediaFile, Rendition))


def _is_older(name: str, instant: datetime.datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < instant
    except FileNotFoundError:  # it was deleted with its row while we looked
        return False


def _is_of_transfer(name: str) -> bool:
    """Whether a transfer records it, or a worker may have stored it and not yet written the row."""
    if Transfer.objects.filter(Q(file=name) | Q(report=name)).exists():
        return True
    under_way = Transfer.objects.filter(state__in=UNDER_WAY)
    return any(name in one.file_names() | one.report_names() for one in under_way)


def _files_below(storage: Storage, folder: str) -> Iterator[str]:
    """Yield the names of all files below. Links are left out, as in a backup: they lead anywhere, or in a circle."""
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(names):
        if not _is_link(storage, f"{folder}/{name}"):
            yield f"{folder}/{name}"
    for name in sorted(folders):
        if not _is_link(storage, f"{folder}/{name}"):
            yield from _files_below(storage, f"{folder}/{name}")


def _is_link(storage: Storage, name: str) -> bool:
    return isinstance(storage, FileSystemStorage) and Path(storage.path(name)).is_symlink()


CHECKS = (
    Check("media_files", "Every media row has its file, of its size.", find_missing),
    Check("media_bytes", "Every media file has the bytes that were uploaded.", find_changed, is_deep=True),
    Check("stray_files", "Every file in the media folder belongs to a row.", find_strays, is_warning=True),
)
