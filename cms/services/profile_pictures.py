"""The picture of a user's profile: a file of the media library that the user has uploaded for it."""

import datetime
from pathlib import PurePosixPath

from django.db import transaction
from django.db.models import F

from cms import policy
from cms.errors import FieldError, InUse, InvalidInput, NotFound, PermissionRefused
from cms.media.receiving import Upload
from cms.models import MediaFile, User
from cms.policy import SYSTEM, Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row
from cms.services.media import delete_media, upload_media
from cms.services.personal_traces import ERASED, erase_traces_of_pictures


def set_profile_picture(
    *, actor: Actor, user: User, upload: Upload, original_name: str, now: datetime.datetime
) -> User:
    """Store the picture in place of the last one. Raises InvalidInput about `picture` for what is not an image.

    It gets no alternative text: a name there would outlive the account in each post that shows the file.
    """
    _refuse_others(actor, user)
    try:
        media = upload_media(actor=actor, upload=upload, original_name=original_name, fields={}, now=now)
    except InvalidInput as refusal:
        raise InvalidInput([FieldError("picture", error.code, error.message) for error in refusal.errors]) from refusal
    if not media.is_image:
        delete_media(actor=actor, media=media)
        raise InvalidInput([FieldError("picture", "not_an_image", "Choose a picture: a PNG, JPEG, GIF or WebP file.")])
    return _change(actor, user, media, now)


def remove_profile_picture(*, actor: Actor, user: User, now: datetime.datetime) -> User:
    """Remove the picture. Removing one twice is not an error."""
    _refuse_others(actor, user)
    return _change(actor, user, None, now)


def erase_profile_picture(user: User, now: datetime.datetime) -> None:
    """Take it from a user who is being deleted and still has the name, and delete the file unless a post shows it.

    A file that stays loses its name. The user's files lose an alternative text that is the name. The caller saves the
    user.
    """
    media, user.picture = user.picture, None
    if media is not None:
        User.objects.filter(pk=user.pk).update(picture=None)
        _delete_unless_shown(media, now)
        erased = f"{ERASED}{PurePosixPath(str(media.file.name)).suffix}"
        MediaFile.objects.filter(pk=media.pk).update(original_name=erased, updated_at=now)
        erase_traces_of_pictures([media.pk])  # here too: the event that made it the picture may be pruned
    named = MediaFile.objects.filter(uploaded_by=user, alt_text=user.get_full_name())
    named.update(alt_text="", updated_at=now)


def _change(actor: Actor, user: User, media: MediaFile | None, now: datetime.datetime) -> User:
    """Lock a file before its user, as its deletion does."""
    with transaction.atomic():
        if media is not None:
            lock_row(media)
        user = lock_row(user)
        last = user.picture
        if last == media:
            return user
        user.picture, user.updated_at = media, now
        user.save(update_fields=["picture", "updated_at"])
        before, after = ({"picture": str(one.pk) if one else None} for one in (last, media))
        record_event(actor, "user.updated", user, before=before, after=after)
    if last is not None:
        _delete_unless_shown(last, now)
    return user


def _delete_unless_shown(media: MediaFile, now: datetime.datetime) -> None:
    """Delete the file. One that stays loses the name that earlier releases wrote, unless it was described since."""
    try:
        delete_media(actor=SYSTEM, media=media)
    except NotFound:  # somebody was quicker
        return
    except InUse:
        untouched = MediaFile.objects.filter(pk=media.pk, updated_at=F("created_at")).exclude(alt_text="")
        untouched.update(alt_text="", updated_at=now)


def _refuse_others(actor: Actor, user: User) -> None:
    if not policy.is_oneself(actor, user):
        raise PermissionRefused("Only its user changes the picture of a profile.")
