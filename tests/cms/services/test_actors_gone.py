"""Writes that were let in before their user was suspended or deleted: none is made after it, or leaves an address."""

import datetime
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.choices import CommentStatus
from cms.errors import InvalidToken, NotFound, PermissionRefused
from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import AuditEvent, Comment, Erasure, Job, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.rate_limits import LOGIN_NAME, Quota
from cms.services.audit import record_event
from cms.services.browser_sessions import end_browser_session
from cms.services.categories import create_category
from cms.services.comments import create_comment, moderate_comment
from cms.services.media import update_media, upload_media
from cms.services.origin import Origin, set_origin
from cms.services.post_states import publish_post
from cms.services.posts import create_post, update_post
from cms.services.sessions import note_browser_login
from cms.services.sign_in_events import note_browser_logout, note_failed_login
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from tests.cms.media.pictures import photograph

IP = "203.0.113.77"
LATER = datetime.timedelta(minutes=2)
Now = datetime.datetime


def suspend(user: User, now: Now) -> None:
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=now)


def delete(user: User, now: Now) -> None:
    delete_user(actor=SYSTEM, user=user, now=now)


def demote(user: User, now: Now) -> None:
    update_user(actor=SYSTEM, user=user, changes={"role": "subscriber"}, now=now)


ends = pytest.mark.parametrize("end", [suspend, delete], ids=lambda end: end.__name__)


def run_jobs(now: Now) -> None:
    while job := claim_job(worker="w", now=now):
        run_job(job, clock=lambda: now)
        assert job.errors == []


def _upload(by: User, content: Any, now: Now) -> MediaFile:
    return upload_media(actor=by, upload=content, original_name="a.jpg", fields={}, now=now)


# Another one's post and comment, the user's own post and file: as each request has read them.
WRITES: dict[str, Callable[..., Any]] = {
    "comment": lambda by, world, now: create_comment(actor=by, post=world["post"], fields={"text": "I"}, now=now),
    "approve": lambda by, world, now: moderate_comment(
        actor=by, comment=world["comment"], status=CommentStatus.PUBLISHED, now=now
    ),
    "post": lambda by, world, now: create_post(actor=by, fields={"title": "Late", "content": "x"}, now=now),
    "change": lambda by, world, now: update_post(actor=by, post=world["own"], changes={"title": "Late"}, now=now),
    "publish": lambda by, world, now: publish_post(actor=by, post=world["own"], now=now),
    "file": lambda by, world, now: update_media(actor=by, media=world["file"], changes={"alt_text": "Late"}, now=now),
    "category": lambda by, world, now: create_category(actor=by, fields={"name": "Late"}, now=now),
}


def kept() -> list[Any]:
    """All that these writes may change."""
    models: list[Any] = [Post, Comment, MediaFile, AuditEvent, Job]
    return [sorted(model.objects.values_list(), key=str) for model in models]


@pytest.mark.django_db
@ends
@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_was_let_in_earlier_is_refused(
    editor: User, make_post: Any, make_comment: Any, upload: Any, now: Now, end: Any, name: str
) -> None:
    post = make_post()
    world = {
        "post": post,
        "comment": make_comment(post, status="pending"),
        "own": make_post(by=editor, is_published=False),
        "file": upload(editor),
    }
    end(editor, now)
    before = kept()
    with pytest.raises(InvalidToken):
        WRITES[name](editor, world, now)
    assert kept() == before


@pytest.mark.django_db
def test_a_write_with_an_earlier_role_is_refused(editor: User, now: Now) -> None:
    stale = User.objects.get(pk=editor.pk)
    demote(editor, now)
    with pytest.raises(PermissionRefused, match="role was changed"):
        create_category(actor=stale, fields={"name": "Late"}, now=now)
    assert not AuditEvent.objects.filter(action="category.created").exists()


@pytest.mark.django_db
def test_admins_change_their_own_role(admin: User, make_user: Any, now: Now) -> None:
    make_user("admin", username="another")
    update_user(actor=admin, user=admin, changes={"role": "editor"}, now=now)
    assert AuditEvent.objects.get(action="user.role_changed").actor == admin


@pytest.mark.django_db
@ends
def test_a_file_that_is_under_way_is_not_kept(author: User, stored: Any, media_root: None, now: Now, end: Any) -> None:
    def chunks() -> Iterator[bytes]:
        content = photograph(size=(400, 300))
        yield content[:1_000]
        end(author, now)
        yield content[1_000:]

    with pytest.raises(InvalidToken):
        _upload(author, chunks(), now)
    assert (stored(), MediaFile.objects.count()) == ([], 0)


@pytest.mark.django_db
def test_a_suspended_user_changes_nothing_of_the_own_profile(author: User, now: Now) -> None:
    suspend(author, now)
    with pytest.raises(InvalidToken):
        update_user(actor=author, user=author, changes={"bio": "Late"}, now=now)
    assert User.objects.get(pk=author.pk).bio == ""


@pytest.mark.django_db
@ends
def test_a_login_or_logout_of_a_browser_leaves_no_event(author: User, now: Now, end: Any) -> None:
    end(author, now)
    before = AuditEvent.objects.count()
    note_browser_login(user=author, now=now)
    note_browser_logout(author)
    with pytest.raises(NotFound):
        end_browser_session(user=author, name="none", now=now)
    assert AuditEvent.objects.count() == before


@pytest.mark.django_db
def test_users_who_suspend_themselves_have_done_it(make_user: Any, now: Now) -> None:
    make_user("admin")
    admin = make_user("admin")
    update_user(actor=admin, user=admin, changes={"is_active": False, "role": "author"}, now=now)
    made = AuditEvent.objects.filter(actor=admin, object_id=admin.pk).values_list("action", flat=True)
    assert set(made) == {"user.suspended", "user.role_changed"}


@pytest.mark.django_db
def test_whether_the_actor_stands_is_asked_by_no_statement_of_its_own(author: User) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        event = record_event(author, "post.noted", author, before={}, after={})
    assert len(asked) == 1
    assert AuditEvent.objects.get(pk=event.pk).actor == author
    assert event.actor_id == author.pk


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused_whole(author: User, now: Now) -> None:
    suspend(author, now)
    before = AuditEvent.objects.count()
    with pytest.raises(InvalidToken):
        record_event(author, "post.noted", author, before={}, after={})
    assert AuditEvent.objects.count() == before


# -- what commits after the deletion ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_the_deletion_loses_its_address(
    in_threads: Any, author: User, make_post: Any, now: Now
) -> None:
    """The deletion waits for nobody: it doesn't see this comment, and a minute later it does."""
    post, is_written, is_deleted = make_post(), Event(), Event()

    def write() -> Comment:
        set_origin(Origin(ip=IP))
        with transaction.atomic():
            comment = create_comment(actor=author, post=post, fields={"text": "Just in time"}, now=now)
            is_written.set()
            assert is_deleted.wait(60)
        return comment

    def remove() -> None:
        assert is_written.wait(60)
        delete(author, now)
        is_deleted.set()

    comment, removed = in_threads([write, remove])
    assert (Comment.objects.get(), removed) == (comment, None)
    assert AuditEvent.objects.get(ip=IP).actor == author
    run_jobs(now + LATER)
    assert not AuditEvent.objects.filter(ip=IP).exists()
    assert not Erasure.objects.exists()


@pytest.mark.django_db
def test_a_failed_login_that_is_noted_after_the_deletion_loses_its_address(author: User, now: Now) -> None:
    delete(author, now)
    set_origin(Origin(ip=IP))
    note_failed_login(account=author, counted=Quota(LOGIN_NAME, "x"), is_locked=False, now=now)
    assert AuditEvent.objects.get(ip=IP).object_id == author.pk
    run_jobs(now)
    assert AuditEvent.objects.filter(ip=IP).exists()  # it is too early
    run_jobs(now + LATER)
    assert not AuditEvent.objects.filter(ip=IP).exists()
    assert not Erasure.objects.exists()


@pytest.mark.django_db
def test_the_deletion_is_in_the_audit_trail_at_once_and_a_late_address_is_not(
    author: User, admin: User, client_of: Any, now: Now
) -> None:
    delete(author, now)
    late = AuditEvent.objects.create(
        actor=author, action="comment.created", object_type="comment", object_id=author.pk, ip=IP
    )
    client: Client = client_of(admin)
    shown = {event["action"]: event for event in client.get(f"/api/v2/audit?object={author.pk}").json()["data"]}
    assert "user.deleted" in shown
    assert late.action not in shown
    run_jobs(now + LATER)
    assert late.action in {event["action"] for event in client.get("/api/v2/audit").json()["data"]}
