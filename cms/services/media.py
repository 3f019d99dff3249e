"""Media: uploading, describing and deleting files, and their renditions. A row and its file come and go together."""

import datetime
import logging
import secrets
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from io import BytesIO
from typing import Final, TypedDict

from django.core.files import File
from django.core.files.storage import Storage
from django.db import transaction
from django.utils.translation import gettext_noop

from cms import limits, policy
from cms.costs.turns import Busy
from cms.errors import FieldError, InUse, InvalidInput, NotFound, PermissionRefused
from cms.media.images import PICTURES
from cms.media.names import clean_name
from cms.media.outages import keeping_files
from cms.media.preparing import PreparedFile, prepared
from cms.media.receiving import Upload
from cms.media.renditions import RENDITION_TYPE, make_rendition
from cms.models import MediaFile, Rendition, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_text
from cms.services.locks import lock_row

logger: Final = logging.getLogger(__name__)
FOCAL: Final = {"focal_x", "focal_y"}


class MediaFields(TypedDict, total=False):
    alt_text: str
    caption: str
    focal_x: float | None
    """With `focal_y` the focal point, in fractions from the left and from the top; None for both takes it away."""
    focal_y: float | None


def upload_media(
    *,
    actor: Actor,
    upload: Upload,
    original_name: str,
    fields: MediaFields,
    now: datetime.datetime,
    uploader: User | None = None,
) -> MediaFile:
    """Store a file of `actor`, or of `uploader` when the system uploads. The file's bytes decide its type.

    `upload` is a file, anything with `read`, or an iterable of chunks. It is read once, and never held whole in memory.
    Raises InvalidInput about the field `file` with the codes of `cms/media/refusals.py`.
    """
    if not policy.may_upload_media(actor):
        raise PermissionRefused("Only authors, editors and admins upload files.")
    uploader = uploader if actor is policy.SYSTEM else actor  # type: ignore[assignment]
    fields, errors = _rounded(fields), _field_errors(fields)
    if errors or uploader is None:
        raise InvalidInput(errors or [FieldError("uploaded_by", "required", "A file needs the user who uploaded it.")])
    with prepared(upload, original_name) as file:
        media = MediaFile(**fields, uploaded_by=uploader, created_at=now, updated_at=now)
        media.original_name = clean_name(original_name, file.file_type.extension)
        _describe(media, file)
        _refuse_wrong_focal_point(media)
        _store(actor, media, file)
    return media


def update_media(*, actor: Actor, media: MediaFile, changes: MediaFields, now: datetime.datetime) -> MediaFile:
    if errors := _field_errors(changes):
        raise InvalidInput(errors)
    changes = _rounded(changes)
    with transaction.atomic():
        media = lock_row(media)
        _refuse_stranger(actor, media)
        before = {
            name: getattr(media, name)
            for name in changes
            if getattr(media, name) != changes[name]  # type: ignore[literal-required]
        }
        if not before:
            return media
        for name in before:
            setattr(media, name, changes[name])  # type: ignore[literal-required]
        if FOCAL & before.keys():
            _refuse_wrong_focal_point(media)
            _drop_cut_renditions(media)
        media.updated_at = now
        media.save(update_fields=[*before, "updated_at"])
        record_event(
            actor, "media.updated", media, before=before, after={name: getattr(media, name) for name in before}
        )
    return media


def delete_media(*, actor: Actor, media: MediaFile) -> None:
    """Delete a file. Raises InUse while a post of any status shows it. The bytes go after the transaction's commit."""
    with transaction.atomic():
        media = lock_row(media, is_doomed=True)
        _refuse_stranger(actor, media)
        if media.featured_in.exists() or media.embedded_in.exists():
            raise InUse("This file can't be deleted while posts show it.")
        names = [media.file.name, *media.renditions.values_list("file", flat=True)]
        before = {"original_name": media.original_name, "mime_type": media.mime_type, "sha256": media.sha256}
        record_event(actor, "media.deleted", media, before=before, after={})
        # Robust: the row is gone by then, and a failing storage doesn't bring it back.
        transaction.on_commit(partial(_delete_files, media.file.storage, names), robust=True)
        media.delete()


RENDITION_TRIES: Final = 3
REFUSALS_KEPT: Final = 10_000
_refused: Final = set[tuple[uuid.UUID, str]]()
"""Renditions that would take too much memory, of images stored before that was refused. Their bytes never change."""


def get_or_make_rendition(*, media: MediaFile, spec: str, now: datetime.datetime) -> Rendition:
    """Return the image in one of the sizes of `limits.RENDITIONS`; make it when it is first asked for.

    Raises NotFound for another size, for a file that is not an image or too dear to decode, and for a file whose bytes
    are gone or not those that were stored; Busy while its focal point moves again and again.
    """
    found: Rendition | None = media.renditions.filter(spec=spec).first()
    if found is not None:
        return found
    size = limits.RENDITIONS.get(spec)
    if size is None or not media.is_image or (media.pk, spec) in _refused:
        raise NotFound("This file has no such rendition.")
    with PICTURES.turn():
        found = media.renditions.filter(spec=spec).first()  # made by somebody while we waited
        for _ in range(RENDITION_TRIES):
            if found is None:
                found = _make_rendition(media, spec, size, now)
        if found is None:
            raise Busy(gettext_noop("this image is changed"))
        return found


def _make_rendition(
    media: MediaFile, spec: str, size: limits.RenditionSize, now: datetime.datetime
) -> Rendition | None:
    """Return the new rendition; None if the focal point has moved since `media` was read, which is fresh then."""
    try:
        with media.file.storage.open(str(media.file.name)) as source:
            content, width, height = make_rendition(source, size, media.focal_point, _size_of(media))
    except InvalidInput as error:
        if error.errors[0].code == "broken_file":  # its storage may be mended
            logger.warning("The bytes of the file %s are not those that were stored.", media.pk)
            raise NotFound("The bytes of this file are gone.") from error
        _remember_refusal(media, spec)
        raise NotFound("This file has no such rendition.") from error
    except FileNotFoundError as error:  # deleted since the row was read, or lost
        raise NotFound("The bytes of this file are gone.") from error
    rendition = Rendition(media=media, spec=spec, mime_type=RENDITION_TYPE.mime_type, created_at=now)
    rendition.width, rendition.height, rendition.size_bytes = width, height, len(content)
    return _keep_first(rendition, content)


def _size_of(media: MediaFile) -> tuple[int, int] | None:
    return None if media.width is None or media.height is None else (media.width, media.height)


def _remember_refusal(media: MediaFile, spec: str) -> None:
    """Let those who ask again neither read the file nor wait for a turn."""
    if len(_refused) >= REFUSALS_KEPT:
        _refused.clear()
    _refused.add((media.pk, spec))


def _drop_cut_renditions(media: MediaFile) -> None:
    """Delete the renditions that keep the old focal point; they are made again when they are asked for."""
    cut = media.renditions.filter(spec__in=[spec for spec, size in limits.RENDITIONS.items() if size.height])
    names = list(cut.values_list("file", flat=True))
    cut.delete()
    transaction.on_commit(partial(_delete_files, media.file.storage, names), robust=True)


def _describe(media: MediaFile, file: PreparedFile) -> None:
    media.mime_type, media.size_bytes, media.sha256 = file.file_type.mime_type, file.size_bytes, file.sha256
    media.width, media.height = file.width, file.height
    # Our own values alone: nothing that a client sends becomes part of a path.
    media.file.name = f"media/{media.created_at:%Y/%m}/{media.pk.hex}{file.file_type.extension}"


def _store(actor: Actor, media: MediaFile, file: PreparedFile) -> None:
    """Store the file first, so that no row is ever without one; delete it again if the row can't be written."""
    storage, name = media.file.storage, str(media.file.name)
    with ExitStack() as undoing:
        undoing.callback(storage.delete, name)
        with keeping_files():
            media.file = storage.save(name, File(file.content))
        with transaction.atomic():
            media.save(force_insert=True)
            after = {"original_name": media.original_name, "mime_type": media.mime_type, "sha256": media.sha256}
            record_event(actor, "media.uploaded", media, before={}, after=after)
        undoing.pop_all()


def _keep_first(rendition: Rendition, content: bytes) -> Rendition | None:
    """Store a rendition, unless somebody else has made the same meanwhile: then that one is given and ours goes."""
    media, storage = rendition.media, rendition.file.storage
    folder, key = f"renditions/{media.created_at:%Y/%m}", f"{media.pk.hex}-{rendition.spec}-{secrets.token_hex(4)}"
    name = f"{folder}/{key}{RENDITION_TYPE.extension}"  # nobody else's: two may make the same at once
    with ExitStack() as undoing:
        undoing.callback(storage.delete, name)
        with keeping_files():
            rendition.file = storage.save(name, File(BytesIO(content)))
        with transaction.atomic():
            current = lock_row(media)  # one maker after the other, and none while the file is being deleted
            first: Rendition | None = media.renditions.filter(spec=rendition.spec).first()
            if first is not None:
                return first
            if current.focal_point != media.focal_point:
                media.focal_x, media.focal_y = current.focal_x, current.focal_y
                return None
            rendition.save(force_insert=True)
        undoing.pop_all()
    return rendition


def _delete_files(storage: Storage, names: Iterable[str]) -> None:
    for name in names:
        storage.delete(name)


def _refuse_stranger(actor: Actor, media: MediaFile) -> None:
    if not policy.may_edit_media(actor, media):
        raise PermissionRefused("Only editors and the user who uploaded a file can change it.")


def _field_errors(fields: MediaFields) -> list[FieldError]:
    errors = check_text("alt_text", fields.get("alt_text", ""), 0, limits.ALT_TEXT_MAX)
    errors += check_text("caption", fields.get("caption", ""), 0, limits.DESCRIPTION_MAX)
    focus = {name: fields.get(name) for name in sorted(FOCAL)}
    wrong = [name for name, value in focus.items() if isinstance(value, int | float) and not 0 <= value <= 1]
    return errors + [
        FieldError(name, "out_of_range", "A focal point consists of numbers from 0 to 1.") for name in wrong
    ]


def _rounded(fields: MediaFields) -> MediaFields:
    """Return the fields with a focal point of four places: a pixel of the widest picture."""
    rounded = fields.copy()
    for name in FOCAL & fields.keys():
        value = fields[name]  # type: ignore[literal-required]
        rounded[name] = None if value is None else round(value, 4)  # type: ignore[literal-required]
    return rounded


def _refuse_wrong_focal_point(media: MediaFile) -> None:
    missing = [name for name in sorted(FOCAL) if getattr(media, name) is None]
    if len(missing) == 1:
        raise InvalidInput([FieldError(missing[0], "required", "A focal point needs both numbers, or neither.")])
    if not missing and not media.is_image:
        raise InvalidInput([FieldError("focal_point", "not_an_image", "Only images have a focal point.")])
