"""A write through v1 keeps what v1 can't see: every column and relation that it doesn't name, and every state."""

import datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import Category, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.post_states import archive_post, publish_post
from cms.services.posts import create_post

PATH = "/api/v1/posts"
DAY = datetime.timedelta(days=1)
RELATIONS = ("tags", "categories", "co_authors", "embedded_media")
MOVING = {"updated_at", "version"}


def everything_of(post: Post) -> dict[str, Any]:
    """All columns and relations, as they are stored."""
    row = Post.objects.get(pk=post.pk)
    columns = {field.attname: getattr(row, field.attname) for field in Post._meta.concrete_fields}
    relations = {name: {other.pk for other in getattr(row, name).all()} for name in RELATIONS}
    return columns | relations


@pytest.fixture
def image(author: User, now: datetime.datetime) -> MediaFile:
    return MediaFile.objects.create(
        file="media/x.png", original_name="x.png", mime_type="image/png", size_bytes=1, sha256="0", uploaded_by=author
    )


@pytest.fixture
def full_post(author: User, make_user: Any, make_category: Any, image: MediaFile, now: datetime.datetime) -> Post:
    """A draft of which services have filled all that v1 has no word for."""
    fields: Any = {
        "kind": "page",
        "title": "A title",
        "slug": "a-slug",
        "content": f'<p>Words <img src="/api/v2/media/{image.pk}/file"></p>',
        "content_format": "html",
        "excerpt": "Its own.",
        "language": "pt-BR",
        "visibility": "private",
        "meta_title": "Meta",
        "meta_description": "About.",
        "expires_at": now + 9 * DAY,
        "featured_image": image,
        "tags": ["a", "b"],
        "categories": [make_category("One"), make_category("Two"), make_category("Closed", is_active=False)],
        "co_authors": [make_user("author")],
    }
    return create_post(actor=SYSTEM, fields=fields, now=now, author=author)


def put(client: Client, post: Post, body: Any) -> Any:
    response = client.put(f"{PATH}/{post.pk}", body, content_type="application/json")
    assert response.status_code == 200, response.content
    return response.json()["data"]


def changed(post: Post, before: dict[str, Any]) -> set[str]:
    return {name for name, value in everything_of(post).items() if value != before[name]} - MOVING


@pytest.mark.parametrize("who", ["author", "editor"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, set()),
        ({"title": "New"}, {"title"}),
        ({"content": "<p>New</p>"}, {"content", "content_html", "embedded_media"}),
        ({"excerpt": "New."}, {"excerpt"}),
        ({"meta_title": "New"}, {"meta_title"}),
        ({"tags": ["b", "c"]}, {"tags"}),
        ({"slug": "new"}, {"slug"}),
        ({"category": "One"}, set()),
        ({"published": False}, set()),
        ({"featured_image": None, "category": None, "tags": None}, set()),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_change_touches_what_it_names(
    who: str, body: Any, expected: set[str], full_post: Post, client_of: Any, request: Any
) -> None:
    before = everything_of(full_post)
    put(client_of(request.getfixturevalue(who)), full_post, body)
    assert changed(full_post, before) == expected


STATES = ("scheduled", "expired", "private", "archived")


@pytest.fixture(params=STATES)
def hidden(request: Any, full_post: Post, now: datetime.datetime) -> Post:
    instants = {"scheduled": now + DAY, "expired": now - 20 * DAY, "private": now - DAY, "archived": now - DAY}
    post = publish_post(actor=SYSTEM, post=full_post, now=now, published_at=instants[request.param])
    if request.param == "expired":
        Post.objects.filter(pk=post.pk).update(expires_at=now - DAY)
    return archive_post(actor=SYSTEM, post=post, now=now) if request.param == "archived" else post


def test_what_v1_reads_it_can_send_back_and_no_state_is_lost(hidden: Post, writer: Client) -> None:
    before = everything_of(hidden)
    read = writer.get(f"{PATH}/{hidden.pk}").json()["data"]
    sent = {name: read[name] for name in ("title", "content", "excerpt", "tags")} | read["metadata"]
    data = put(writer, hidden, sent | {"id": read["id"], "published": read["status"] == "published"})
    assert data == read
    assert changed(hidden, before) == set()
    assert Post.objects.get().version == hidden.version


def test_a_change_of_the_text_leaves_a_state_that_v1_has_no_word_for(hidden: Post, writer: Client) -> None:
    before = everything_of(hidden)
    put(writer, hidden, {"title": "New"})
    assert changed(hidden, before) == {"title"}


def test_false_takes_back_whatever_reads_published_and_cancels_a_schedule(hidden: Post, writer: Client) -> None:
    before = everything_of(hidden)
    data = put(writer, hidden, {"published": False})
    if before["status"] == "archived":
        assert changed(hidden, before) == set()
        return
    assert (data["status"], data["published_at"]) == ("draft", None)
    assert changed(hidden, before) - {"is_counted", "settles_at"} == {"status", "published_at"}


def test_true_publishes_an_archived_post_by_way_of_a_draft(
    full_post: Post, writer: Client, now: datetime.datetime
) -> None:
    archived = archive_post(actor=SYSTEM, post=full_post, now=now)
    before = everything_of(archived)
    data = put(writer, archived, {"published": True})
    assert data["status"] == "published"
    assert changed(archived, before) - {"is_counted", "settles_at"} == {"status", "published_at"}


def test_a_draft_whose_end_has_passed_is_not_published_and_keeps_its_end(
    full_post: Post, writer: Client, now: datetime.datetime
) -> None:
    Post.objects.update(expires_at=now - DAY)
    response = writer.put(f"{PATH}/{full_post.pk}", {"published": True, "title": "N"}, content_type="application/json")
    assert response.status_code == 422
    assert (Post.objects.get().expires_at, Post.objects.get().title) == (now - DAY, "A title")


def test_a_derived_excerpt_that_is_sent_back_goes_on_being_derived(writer: Client, make_post: Any) -> None:
    post = make_post(content="First words.")
    read = writer.get(f"{PATH}/{post.pk}").json()["data"]
    data = put(writer, post, {"excerpt": read["excerpt"], "content": "Other words."})
    assert data["excerpt"] == "Other words."
    assert Post.objects.get().is_excerpt_derived
    assert put(writer, post, {"excerpt": "My own."})["excerpt"] == "My own."
    assert put(writer, post, {"content": "Third words."})["excerpt"] == "My own."
    assert put(writer, post, {"excerpt": ""})["excerpt"] == "Third words."


def test_html_stays_html_and_is_still_cleaned(full_post: Post, writer: Client) -> None:
    put(writer, full_post, {"content": "<p>*Not emphasis*</p><script>x</script>"})
    post = Post.objects.get()
    assert (post.content_format, post.content_html.strip()) == ("html", "<p>*Not emphasis*</p>")


def names(post: Post) -> set[str]:
    return set(Post.objects.get(pk=post.pk).categories.values_list("name", flat=True))


def test_a_category_takes_the_place_of_the_only_one(writer: Client, make_post: Any, make_category: Any) -> None:
    post = make_post(categories=[make_category("Old"), make_category("Closed", is_active=False)])
    make_category("New")
    assert put(writer, post, {"category": "New"})["metadata"]["categories"] == ["New"]
    assert names(post) == {"New", "Closed"}
    assert Category.objects.get(name="Old").post_count == 0


def test_of_several_categories_none_is_erased(writer: Client, make_category: Any, full_post: Post) -> None:
    make_category("New")
    assert put(writer, full_post, {"category": "New"})["metadata"]["categories"] == ["New", "One", "Two"]
    assert names(full_post) == {"Closed", "New", "One", "Two"}
    assert put(writer, full_post, {"category": "two"})["metadata"]["categories"] == ["New", "One", "Two"]


def test_too_many_categories_are_refused_under_the_name_that_v1_has(
    writer: Client, make_post: Any, make_category: Any
) -> None:
    post = make_post(categories=[make_category(f"C{number}") for number in range(100)])
    make_category("One more")
    response = writer.put(f"{PATH}/{post.pk}", {"category": "One more"}, content_type="application/json")
    assert response.status_code == 422
    assert [wrong["field"] for wrong in response.json()["validation_errors"]] == ["category"]


def test_a_featured_image_is_set_by_its_id_and_stays(writer: Client, make_post: Any, image: MediaFile) -> None:
    post = make_post()
    put(writer, post, {"featured_image": str(image.pk)})
    put(writer, post, {"title": "New"})
    assert Post.objects.get().featured_image == image


def test_a_picture_that_the_writer_can_not_see_is_unknown(
    client_of: Any, make_user: Any, make_post: Any, image: MediaFile
) -> None:
    stranger = make_user("author")
    post = make_post(by=stranger)
    response = client_of(stranger).put(
        f"{PATH}/{post.pk}", {"featured_image": str(image.pk)}, content_type="application/json"
    )
    assert response.status_code == 422
    assert response.json()["validation_errors"][0]["field"] == "featured_image"


def test_a_file_that_is_no_picture_is_refused(writer: Client, make_post: Any, image: MediaFile) -> None:
    MediaFile.objects.update(mime_type="application/pdf")
    response = writer.put(
        f"{PATH}/{make_post().pk}", {"featured_image": str(image.pk)}, content_type="application/json"
    )
    assert response.json()["validation_errors"] == [{"field": "featured_image", "message": "This file is no image."}]


def test_an_account_keeps_what_v1_has_no_word_for(client_of: Any, make_user: Any) -> None:
    user = make_user(display_name="Mia M.", bio="Writes.", email_verified=True)
    client = client_of(user)
    before = dict(User.objects.values().get(pk=user.pk))
    response = client.put(f"/api/v1/users/{user.pk}", {"first_name": "Mia"}, content_type="application/json")
    assert response.status_code == 200
    after = dict(User.objects.values().get(pk=user.pk))
    assert {name for name in after if after[name] != before[name]} == {"first_name", "updated_at"}
