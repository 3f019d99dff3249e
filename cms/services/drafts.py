"""Texts that are not saved yet: a draft revision of the post keeps them, one for each open form, until they are."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Final

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When

from cms import limits
from cms.choices import ContentFormat
from cms.errors import FieldError, InvalidInput, NotFound, TooManyUnsavedTexts, sentence
from cms.models import Post, PostRevision, User
from cms.policy import Actor
from cms.querysets.posts import AUTOSAVED, PostRevisionQuerySet
from cms.services.audit import record_event
from cms.services.checks import check_choice
from cms.services.kept_bytes import refuse_if_spent
from cms.services.locks import lock_row
from cms.services.posts import lock_post
from cms.services.revisions import append_revision, current_revision, list_revisions

KEPT: Final = tuple(limits.KEPT_TEXTS_MAX)
"""Texts that are kept while somebody writes, however unfinished."""
SHOWN_MAX: Final = 6
"""Drafts that the form of a post names."""


def autosave_post(
    *, actor: Actor, post: Post, texts: Mapping[str, str], base_revision: int, now: datetime.datetime, state: str = ""
) -> PostRevision | None:
    """Keep the unsaved texts of a form: in the autosaved draft that is in this state, or else in a new one.

    `state` is the `state_of_draft` that the form has last shown or made. A draft in any other state holds what another
    window has kept, and stays. `base_revision` is the number of the revision that the writer had read. Returns None
    without a change. The texts need not be valid: applying or saving them checks that. Raises InvalidInput for one that
    is too long to be kept, TooMuchKept when the actor has kept too much today, and TooManyUnsavedTexts for a new draft
    when the actor has `limits.UNSAVED_TEXTS_MAX`.
    """
    kept = {name: texts[name] for name in KEPT if name in texts}
    if errors := list(_faults_of(kept)):
        raise InvalidInput(errors)
    with transaction.atomic():
        post = lock_post(actor, post)
        current = current_revision(post).snapshot
        draft = _draft_in_state(actor, post, state)
        if all(current[name] == text for name, text in kept.items()):
            if draft:
                draft.delete()
            return None
        refuse_if_spent(actor, now)
        snapshot = {**current, **kept}
        if kept.get("excerpt", current["excerpt"]) != current["excerpt"]:
            snapshot["is_excerpt_derived"] = not kept["excerpt"]
        reason = f"{AUTOSAVED}{base_revision}"
        if draft is None:
            if autosaved_drafts(actor=actor, post=post).count() >= limits.UNSAVED_TEXTS_MAX:
                raise TooManyUnsavedTexts(limits.UNSAVED_TEXTS_MAX)
            draft = PostRevision(post=post, snapshot=snapshot, is_draft=True, reason=reason)
            return append_revision(actor, draft, now)
        draft.snapshot, draft.reason, draft.updated_at = snapshot, reason, now
        draft.save(update_fields=["snapshot", "reason", "updated_at"])
        return draft


def _faults_of(kept: Mapping[str, str]) -> Iterator[FieldError]:
    for name, text in kept.items():
        if len(text) > limits.KEPT_TEXTS_MAX[name]:
            most = f"{limits.KEPT_TEXTS_MAX[name]:,}"
            yield FieldError(name, "too_long", sentence("At most %(value)s characters are kept.", value=most))
        elif "\x00" in text:
            yield FieldError(name, "invalid_character", "A text can't hold the character NUL.")
        elif name == "content_format":
            yield from check_choice(name, text, ContentFormat.values)


def base_of_draft(draft: PostRevision) -> int | None:
    """Return the number of the revision that the writer of an autosaved draft had read, None for other drafts."""
    number = draft.reason.removeprefix(AUTOSAVED)
    return int(number) if draft.reason.startswith(AUTOSAVED) and number.isdecimal() else None


def state_of_draft(draft: PostRevision) -> str:
    """Return what names this draft with the texts it holds: its number alone may soon be that of another one."""
    return f"{draft.pk} {draft.updated_at.isoformat()}"


def _draft_in_state(actor: Actor, post: Post, state: str) -> PostRevision | None:
    rows = autosaved_drafts(actor=actor, post=post).defer("snapshot")
    return next((draft for draft in rows if state_of_draft(draft) == state), None)


def autosaved_drafts(*, actor: Actor, post: Post) -> PostRevisionQuerySet:
    """Return the writer's own autosaved drafts of a post, newest first: at most `limits.UNSAVED_TEXTS_MAX`."""
    rows = list_revisions(actor=actor, post=post).filter(is_draft=True, reason__startswith=AUTOSAVED)
    return rows.filter(author=actor) if isinstance(actor, User) else rows.none()


def waiting_drafts(*, actor: Actor, post: Post) -> PostRevisionQuerySet:
    """Return the drafts that wait to be applied or discarded: all restored ones, and the actor's own autosaved ones."""
    return list_revisions(actor=actor, post=post).filter(is_draft=True)


def restored_drafts(post: Post) -> QuerySet[PostRevision]:
    """Return the drafts that were made of old revisions, by any writer."""
    return post.revisions.filter(is_draft=True).exclude(reason__startswith=AUTOSAVED)


def shown_drafts(*, actor: Actor, post: Post) -> list[PostRevision]:
    """Return the waiting drafts that the form of the post names, without their snapshots; one more if there are others.

    The actor's own unsaved texts come first, then the newest.
    """
    first = Case(When(reason__startswith=AUTOSAVED, then=Value(0)), default=Value(1))
    rows = waiting_drafts(actor=actor, post=post).select_related("author").defer("snapshot")
    return list(rows.order_by(first, "-number")[: SHOWN_MAX + 1])


def find_draft(actor: Actor, post: Post, number: int) -> PostRevision | None:
    """Return the waiting draft with this number, if there is one."""
    return waiting_drafts(actor=actor, post=post).filter(number=number).first()


def end_drafts(*, actor: Actor, post: Post, state: str, shown: PostRevision | None) -> None:
    """Delete the drafts whose texts a form has just saved.

    These are the autosaved draft in the state that the form has last shown or made, and the restored one that it has
    shown. Others stay: they hold what another window has not saved.
    """
    with transaction.atomic():
        lock_row(post)  # another window may be about to overwrite the draft
        if draft := _draft_in_state(actor, post, state):
            draft.delete()
        if shown and not shown.reason.startswith(AUTOSAVED):
            number = shown.number
            if shown.delete()[0] and shown.author_id != getattr(actor, "pk", None):
                record_event(actor, "post.draft_discarded", post, before={"revision": number}, after={})


def discard_draft(*, actor: Actor, post: Post, number: int, now: datetime.datetime) -> None:
    """Delete a draft revision for good. Raises NotFound when there is no draft with this number."""
    with transaction.atomic():
        post = lock_post(actor, post)
        draft = list_revisions(actor=actor, post=post).filter(number=number, is_draft=True).first()
        if draft is None:
            raise NotFound(sentence("This post has no draft revision with the number %(number)s.", number=number))
        draft.delete()
        record_event(actor, "post.draft_discarded", post, before={"revision": number}, after={})
