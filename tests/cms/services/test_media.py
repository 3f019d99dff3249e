"""Media: who uploads, sees, changes and deletes files; a row and its file come and go together."""

import datetime
import hashlib
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError

from cms.errors import InUse, InvalidInput, NotFound, PermissionRefused
from cms.models import AuditEvent, Delivery, MediaFile, Post, Rendition, User
from cms.policy import SYSTEM
from cms.services.media import delete_media, get_or_make_rendition, update_media, upload_media
from cms.services.post_states import trash_post
from cms.services.posts import create_post, update_post
from cms.services.restoring import apply_revision, restore_revision
from cms.services.webhooks import create_webhook
from tests.cms.media.pictures import photograph

HOUR = datetime.timedelta(hours=1)
PDF = b"%PDF-1.7\n%%EOF\n"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


def _seen(user: Any, now: datetime.datetime) -> set[str]:
    return set(MediaFile.objects.visible_to(user, now).values_list("original_name", flat=True))


def test_an_upload_has_its_row_its_file_and_its_event(
    upload: Any, author: User, media_place: Any, stored: Any, now: Any, events_of: Any
) -> None:
    media = MediaFile.objects.get(pk=upload(author, alt_text="A quarter", caption="Lisbon").pk)
    assert (media.mime_type, media.width, media.height, media.uploaded_by) == ("image/jpeg", 400, 300, author)
    assert (media.original_name, media.alt_text, media.caption) == ("photo.jpg", "A quarter", "Lisbon")
    content = media_place.read(media.file.name)
    assert (media.size_bytes, media.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert b"Canon" not in content
    assert stored() == [f"media/{now:%Y/%m}/{media.pk.hex}.jpg"]
    assert events_of(media) == ["media.uploaded"]


@pytest.mark.parametrize("name", ["../../evil.py", "/etc/passwd", "a\\..\\b.html", "x" * 400, "\u202egpj.exe", ""])
def test_no_name_reaches_the_file_system(upload: Any, author: User, stored: Any, tmp_path: Path, name: str) -> None:
    media = upload(author, name=name)
    (path,) = stored()
    assert Path(path).name == f"{media.pk.hex}.jpg"
    assert "/" not in media.original_name
    assert 1 <= len(media.original_name) <= 255
    assert {each.name for each in tmp_path.iterdir()} <= {"media"}


@pytest.mark.parametrize(("role", "is_allowed"), [("anonymous", 0), ("subscriber", 0), ("author", 1), ("admin", 1)])
def test_authors_and_those_above_upload(make_user: Any, upload: Any, stored: Any, role: str, is_allowed: bool) -> None:
    actor = AnonymousUser() if role == "anonymous" else make_user(role)
    if is_allowed:
        upload(actor)
    else:
        with pytest.raises(PermissionRefused):
            upload(actor)
    assert len(stored()) == MediaFile.objects.count() == is_allowed


def test_whoever_is_suspended_uploads_nothing(author: User, upload: Any) -> None:
    author.is_active = False
    with pytest.raises(PermissionRefused):
        upload(author)


def test_the_system_uploads_for_somebody(author: User, stored: Any, now: Any) -> None:
    act = partial(upload_media, actor=SYSTEM, original_name="a.pdf", fields={}, now=now)
    assert act(upload=[PDF], uploader=author).uploaded_by == author
    with pytest.raises(InvalidInput):
        act(upload=[PDF])


@pytest.mark.parametrize(
    ("content", "fields", "field"),
    [
        (b"<svg onload='alert(1)'/>", {}, "file"),
        (photograph()[:500], {}, "file"),
        (None, {"alt_text": "a" * 501}, "alt_text"),
        (None, {"caption": "a\x00"}, "caption"),
    ],
    ids=["svg", "cut off", "alt text", "caption"],
)
def test_a_refused_upload_leaves_nothing(
    upload: Any, author: User, stored: Any, content: bytes | None, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        upload(author, content, **fields)
    assert [error.field for error in caught.value.errors] == [field]
    assert (stored(), MediaFile.objects.count(), AuditEvent.objects.filter(action="media.uploaded").count()) == (
        [],
        0,
        0,
    )


@pytest.mark.django_db(transaction=True)
def test_when_the_row_can_not_be_written_the_file_goes_again(media_root: None, stored: Any, now: Any) -> None:
    ghost = User(username="ghost", email="ghost@example.org", role="author")
    with pytest.raises(IntegrityError):
        upload_media(actor=SYSTEM, uploader=ghost, upload=[photograph()], original_name="a.jpg", fields={}, now=now)
    assert (stored(), MediaFile.objects.count()) == ([], 0)


def test_a_webhook_is_told_of_a_changed_text_and_not_of_the_same_again(upload: Any, author: User, now: Any) -> None:
    media: MediaFile = upload(author)
    create_webhook(actor=SYSTEM, fields={"url": "https://hooks.example/", "events": ["media.updated"]}, now=now)
    for _ in range(2):
        update_media(actor=author, media=media, changes={"alt_text": "One"}, now=now)
    delivery = Delivery.objects.get()
    assert (delivery.event_type, delivery.payload["object"]) == (
        "media.updated",
        {"type": "media", "id": str(media.pk), "version": None},
    )


def test_texts_are_changed_by_the_uploader_and_by_editors(
    upload: Any, make_user: Any, author: User, editor: User, now: Any, events_of: Any
) -> None:
    media = upload(author)
    update_media(actor=author, media=media, changes={"alt_text": "One"}, now=now + HOUR)
    changed = update_media(actor=editor, media=media, changes={"alt_text": "Two", "caption": ""}, now=now + HOUR)
    assert (changed.alt_text, changed.updated_at) == ("Two", now + HOUR)
    assert (
        update_media(actor=editor, media=media, changes={"alt_text": "Two"}, now=now + 2 * HOUR).updated_at
        == now + HOUR
    )
    assert events_of(media) == ["media.uploaded", "media.updated", "media.updated"]
    for stranger in (AnonymousUser(), make_user("subscriber"), make_user("author")):
        with pytest.raises(PermissionRefused):
            update_media(actor=stranger, media=media, changes={"alt_text": "Three"}, now=now)
        with pytest.raises(PermissionRefused):
            delete_media(actor=stranger, media=media)


def test_deleting_takes_file_and_renditions_once_the_transaction_has_ended_well(
    upload: Any, author: User, stored: Any, now: Any, events_of: Any, django_capture_on_commit_callbacks: Any
) -> None:
    media = upload(author)
    get_or_make_rendition(media=media, spec="width-320", now=now)
    with django_capture_on_commit_callbacks(execute=True):
        delete_media(actor=author, media=media)
        assert len(stored()) == 2
    assert (stored(), MediaFile.objects.count(), Rendition.objects.count()) == ([], 0, 0)
    assert events_of(media) == ["media.uploaded", "media.deleted"]
    with pytest.raises(NotFound):
        delete_media(actor=author, media=media)


def test_a_file_that_a_post_shows_is_not_deleted(
    upload: Any, make_post: Any, editor: User, stored: Any, now: Any
) -> None:
    featured, embedded = upload(editor), upload(editor)
    post = make_post(featured_image=featured, content=f"![](/api/v2/media/{embedded.pk}/file)")
    trash_post(actor=SYSTEM, post=post, now=now)
    for media in (featured, embedded):
        with pytest.raises(InUse):
            delete_media(actor=editor, media=media)
    update_post(actor=SYSTEM, post=post, changes={"featured_image": None, "content": "none"}, now=now)
    for media in (featured, embedded):
        delete_media(actor=editor, media=media)
    assert not MediaFile.objects.exists()


def test_everyone_sees_the_files_of_the_posts_they_may_read_and_their_own(
    upload: Any, make_user: Any, make_post: Any, author: User, editor: User, now: Any
) -> None:
    other, subscriber = make_user("author"), make_user("subscriber")
    states: dict[str, dict[str, Any]] = {
        "public": {},
        "draft": {"is_published": False},
        "scheduled": {"published_at": now + HOUR},
        "expired": {"expires_at": now - HOUR / 2},
        "private": {"visibility": "private"},
    }
    for state, fields in states.items():
        for way in ("featured", "embedded"):
            media = upload(author, name=f"{state}-{way}")
            shown = (
                {"featured_image": media}
                if way == "featured"
                else {"content": f'<a href="/media/{media.pk.hex}">x</a>'}
            )
            make_post(by=author, **shown, **fields)
    upload(author, name="unused")
    everything = {f"{state}-{way}" for state in states for way in ("featured", "embedded")} | {"unused"}
    public = {"public-featured", "public-embedded"}
    assert _seen(AnonymousUser(), now) == _seen(subscriber, now) == _seen(other, now) == public
    assert _seen(author, now) == _seen(editor, now) == _seen(SYSTEM, now) == everything
    later = now + 2 * HOUR
    assert _seen(AnonymousUser(), later) == public | {"scheduled-featured", "scheduled-embedded"}


def test_the_address_of_a_file_in_a_post_of_somebody_else_makes_it_public_to_nobody(
    upload: Any, make_user: Any, make_post: Any, author: User, now: Any
) -> None:
    kept, stranger = upload(author, name="kept"), make_user("author")
    post = make_post(by=stranger)
    update_post(actor=stranger, post=post, changes={"content": f'<a href="/media/{kept.pk.hex}">x</a>'}, now=now)
    assert _seen(AnonymousUser(), now) == _seen(stranger, now) == set()


def test_a_co_author_sees_the_files_of_the_post(
    upload: Any, make_user: Any, make_post: Any, author: User, now: Any
) -> None:
    other = make_user("author")
    make_post(by=author, is_published=False, co_authors=[other], featured_image=upload(author, name="ours"))
    assert _seen(other, now) == {"ours"}


@pytest.mark.parametrize("way", ["featured_image", "content"])
def test_nobody_makes_a_file_public_that_he_can_not_see(
    upload: Any, make_user: Any, author: User, now: Any, way: str
) -> None:
    """Neither by naming it as the image of a post, nor by writing its address into one."""
    hidden, thief = upload(author, name="hidden"), make_user("author")
    fields = {"title": "Mine", "content": f"![]({hidden.file.name}) ![](/{hidden.file.name})"}
    if way == "featured_image":
        with pytest.raises(InvalidInput) as caught:
            create_post(actor=thief, fields={**fields, "featured_image": hidden}, now=now)
        assert [(e.field, e.code) for e in caught.value.errors] == [("featured_image", "missing")]
    post = create_post(actor=thief, fields=fields, now=now)
    with pytest.raises(InvalidInput):
        update_post(actor=thief, post=post, changes={"featured_image": hidden}, now=now)
    update_post(actor=thief, post=post, changes={"content": fields["content"] + " again"}, now=now)
    assert _seen(thief, now) == set()


def test_a_file_that_was_linked_by_one_who_sees_it_stays_linked(
    upload: Any, make_user: Any, make_post: Any, author: User, editor: User, now: Any
) -> None:
    """Also when a co-author who saw it in the post alone changes the text around it."""
    media, other = upload(editor, name="shared"), make_user("author")
    address = f"![A](/api/v2/media/{media.pk}/renditions/width-320)"
    post = make_post(by=author, content=address, co_authors=[other])
    update_post(actor=other, post=post, changes={"content": f"{address} more"}, now=now)
    assert _seen(AnonymousUser(), now) == {"shared"}
    update_post(actor=other, post=post, changes={"content": "none"}, now=now)
    assert _seen(AnonymousUser(), now) == set()
    update_post(actor=other, post=post, changes={"content": address}, now=now)
    assert _seen(AnonymousUser(), now) == set()


def test_a_number_that_is_no_address_links_nothing(upload: Any, make_post: Any, author: User, now: Any) -> None:
    media = upload(author)
    make_post(content=f"{media.pk} `/media/{media.pk}` [x](/posts/{media.pk}) ![](/media/{media.pk.hex}0)")
    assert _seen(AnonymousUser(), now) == set()


def test_one_query_finds_what_anyone_may_see(
    upload: Any, author: User, now: Any, django_assert_num_queries: Any
) -> None:
    upload(author)
    with django_assert_num_queries(1):
        _seen(AnonymousUser(), now)


def test_a_featured_image_is_an_image(upload: Any, make_post: Any, author: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_post(featured_image=upload(author, PDF, "a.pdf"))
    assert caught.value.errors[0].code == "not_an_image"
    assert not Post.objects.exists()


def test_the_featured_image_is_changed_recorded_and_kept_in_revisions(upload: Any, author: User, now: Any) -> None:
    first, second = upload(author), upload(author)
    post = create_post(actor=author, fields={"title": "A", "content": "a", "featured_image": first}, now=now)
    changed = update_post(actor=author, post=post, changes={"featured_image": second}, now=now)
    same = update_post(actor=author, post=post, changes={"featured_image": second}, now=now)
    assert (changed.featured_image, same.version) == (second, 2)
    event = AuditEvent.objects.get(action="post.updated")
    assert (event.before, event.after) == ({"featured_image": str(first.pk)}, {"featured_image": str(second.pk)})
    snapshots = [each.snapshot["featured_image"] for each in post.revisions.order_by("number")]
    assert snapshots == [str(first.pk), str(second.pk)]


@pytest.mark.parametrize("is_gone", [False, True])
def test_restoring_brings_the_featured_image_back_while_there_is_one(
    upload: Any, author: User, now: Any, is_gone: bool
) -> None:
    media = upload(author)
    post = create_post(actor=author, fields={"title": "A", "content": "a", "featured_image": media}, now=now)
    update_post(actor=author, post=post, changes={"featured_image": None, "title": "B"}, now=now)
    if is_gone:
        delete_media(actor=author, media=media)
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    restored = apply_revision(actor=author, post=post, number=draft.number, now=now)
    assert (restored.title, restored.featured_image) == ("A", None if is_gone else media)


@pytest.mark.django_db(transaction=True)
def test_a_file_is_deleted_or_featured_and_never_both(
    upload: Any, make_post: Any, author: User, stored: Any, in_threads: Any, now: Any
) -> None:
    for turn in range(6):
        media, post = upload(author), make_post(by=author, is_published=False)
        delete = partial(delete_media, actor=author, media=media)
        feature = partial(update_post, actor=author, post=post, changes={"featured_image": media}, now=now)
        make = partial(get_or_make_rendition, media=media, spec="width-320", now=now)
        outcomes = in_threads([delete, feature, make] if turn % 2 else [feature, make, delete])
        assert {type(each) for each in outcomes if isinstance(each, Exception)} <= {
            InUse,
            InvalidInput,
            NotFound,
        }
        post.refresh_from_db()
        is_there = MediaFile.objects.filter(pk=media.pk).exists()
        assert (post.featured_image_id == media.pk) == is_there
        assert bool([name for name in stored() if media.pk.hex in name]) == is_there


def test_a_stored_file_is_readable_by_its_owner_alone(upload: Any, author: User, settings: Any) -> None:
    upload(author)
    files = [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]
