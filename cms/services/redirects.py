"""Redirects that editors keep: an address of the past leads to a post."""

import datetime
from typing import TypedDict

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from cms import policy
from cms.errors import Duplicate, FieldError, InvalidInput, PermissionRefused
from cms.models import Post, Redirect
from cms.policy import Actor
from cms.querysets.posts import POSTS_PREFIX
from cms.services.audit import record_event
from cms.services.checks import check_old_path
from cms.services.locks import lock_row

TAKEN = gettext_noop("This address already leads to a post.")


class RedirectFields(TypedDict, total=False):
    old_path: str
    post: Post


def create_redirect(*, actor: Actor, fields: RedirectFields, now: datetime.datetime) -> Redirect:
    """Raises InvalidInput, or Duplicate for an address that leads somewhere already."""
    _refuse_strangers(actor)
    _refuse_errors({"old_path": "", **fields}, is_new=True)
    redirect = Redirect(**fields, created_at=now, updated_at=now)
    with transaction.atomic():
        _save(redirect)
        record_event(actor, "redirect.created", redirect, before={}, after=_described(redirect))
    return redirect


def update_redirect(*, actor: Actor, redirect: Redirect, changes: RedirectFields, now: datetime.datetime) -> Redirect:
    _refuse_strangers(actor)
    _refuse_errors(changes, is_new=False)
    with transaction.atomic():
        redirect = lock_row(redirect)
        before = _described(redirect)
        for name, value in changes.items():
            setattr(redirect, name, value)
        if before == (after := _described(redirect)):
            return redirect
        redirect.updated_at = now
        _save(redirect)
        record_event(actor, "redirect.updated", redirect, before=before, after=after)
    return redirect


def delete_redirect(*, actor: Actor, redirect: Redirect) -> None:
    _refuse_strangers(actor)
    with transaction.atomic():
        redirect = lock_row(redirect, is_doomed=True)
        record_event(actor, "redirect.deleted", redirect, before=_described(redirect), after={})
        redirect.delete()


def _save(redirect: Redirect) -> None:
    if Redirect.objects.filter(old_path=redirect.old_path).exclude(pk=redirect.pk).exists():
        raise Duplicate("old_path", TAKEN)
    try:
        with transaction.atomic():
            redirect.save()
    except IntegrityError as error:  # somebody else was faster
        raise Duplicate("old_path", TAKEN) from error


def _refuse_strangers(actor: Actor) -> None:
    if not policy.may_edit_all_posts(actor):
        raise PermissionRefused("Only editors and admins manage redirects.")


def _described(redirect: Redirect) -> dict[str, str]:
    return {"old_path": redirect.old_path, "post": str(redirect.post_id)}


def _refuse_errors(fields: RedirectFields, *, is_new: bool) -> None:
    errors = []
    if is_new and "post" not in fields:
        errors.append(FieldError("post", "required", "Choose the post that the address leads to."))
    path = fields.get("old_path")
    if path is not None:
        if wrong := check_old_path("old_path", path):
            errors += wrong
        elif _is_of_a_post(path):
            errors.append(
                FieldError("old_path", "in_use", "A post has this address now, so the address leads to that post.")
            )
    if errors:
        raise InvalidInput(errors)


def _is_of_a_post(path: str) -> bool:
    slug = path.removeprefix(POSTS_PREFIX)
    return slug != path and Post.objects.filter(slug=slug).exists()
