"""Writers of both versions on one post, in any order: nothing that v1 has no word for is lost, no state is demoted, and a
refusal wears the shape of the version that was asked."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cms.models import MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.posts import create_post
from tests.mixed.model import DAY, HIDDEN_CATEGORY, TAKEN_SLUG, PostModel, Write
from tests.mixed.writers import Answer, Desk, OpenDesk, expected, stored, writes

IN_V2 = {"meta_title": ("meta", "title"), "meta_description": ("meta", "description")}
ORDINARY = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def desk(make_user: Callable[..., User], client_of: Callable[[User], Client], now: datetime.datetime) -> OpenDesk:
    """`desk()`: a new post of which services have filled all that v1 has no word for, and its author beside it."""
    author, co_author = make_user("author"), make_user("author")
    names = ("One", "Two", HIDDEN_CATEGORY)
    filed = {
        name: create_category(actor=SYSTEM, fields={"name": name, "is_active": name != HIDDEN_CATEGORY}, now=now)
        for name in names
    }
    image = MediaFile.objects.create(
        file="media/x.png", original_name="x.png", mime_type="image/png", size_bytes=1, sha256="0", uploaded_by=author
    )
    create_post(actor=SYSTEM, fields={"title": "Taken", "content": "x", "slug": TAKEN_SLUG}, now=now, author=author)
    ids = {**{name: row.pk for name, row in filed.items()}, "co_author": co_author.pk, "image": image.pk}

    def open_desk() -> tuple[Desk, PostModel]:
        Post.objects.exclude(slug=TAKEN_SLUG).delete()
        columns: dict[str, Any] = {
            "kind": "page",
            "title": "A title",
            "slug": "a-slug",
            "content": "Plain words.",
            "excerpt": "Its own.",
            "content_format": "html",
            "language": "pt-BR",
            "visibility": "private",
            "meta_title": "Meta",
            "meta_description": "About.",
        }
        relations = {"co_authors": [co_author], "categories": list(filed.values()), "tags": ["red"]}
        fields = {**columns, **relations, "expires_at": now + 9 * DAY, "featured_image": image}
        post = create_post(actor=author, fields=fields, now=now)
        named = {"expires_at": 9, "featured_image": "image", "co_authors": ["co_author"]}
        model = PostModel({**columns, **named}, tags={"red"}, categories=set(names), is_excerpt_derived=False)
        return Desk(client_of(author), post.pk, ids, now), model

    return open_desk


def assert_wears_the_shape_of_its_version(answer: Answer, version: int) -> None:
    body = answer.json()
    if version == 1:
        assert (body["success"], body["data"], isinstance(body["error"], str)) == (False, None, True)
        return
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (body["status"], set(body) >= {"type", "title", "detail", "errors"}) == (answer.status_code, True)


def assert_both_versions_show(desk: Desk, model: PostModel) -> None:
    old, new = desk.read(1), desk.read(2).json()
    assert new["status"] == model.status_in_v2
    for name in ("title", "content", "excerpt", "slug", "language", "visibility", "meta_title", "meta_description"):
        outer, *inner = IN_V2.get(name, (name,))
        assert (new[outer][inner[0]] if inner else new[outer]) == model.read(name)
    if model.status == "trashed":
        assert old.status_code == 404
        return
    data = old.json()["data"]
    assert (data["status"], data["title"], data["excerpt"]) == (model.status, model.columns["title"], model.excerpt)
    assert (set(data["tags"]), set(data["metadata"]["categories"])) == (
        model.tags,
        model.categories - {HIDDEN_CATEGORY},
    )


def run(open_desk: OpenDesk, requests: list[Write]) -> None:
    desk, model = open_desk()
    after, version = stored(desk)
    for write in requests:
        before, version_before = after, version
        answer = desk.send(write)
        assert answer.status_code == model.apply(write), (write, answer.content)
        if answer.status_code >= 400:
            assert_wears_the_shape_of_its_version(answer, write.version)
        after, version = stored(desk)
        assert after == expected(model), write
        is_action = (
            write.name == "publish" and answer.status_code == 200
        )  # it counts as a change even to the same instant
        assert (version > version_before) == (after != before or is_action), write
    assert_both_versions_show(desk, model)


PUBLISH_LATER, RESTORE, ARCHIVE = Write(2, "publish", {"published_at": 1}), Write(2, "restore"), Write(2, "archive")
RETITLE, TAKE_BACK = Write(1, "put", {"title": "Two", "published": True}), Write(1, "put", {"published": False})
DERIVE, SEND_BACK = Write(2, "patch", {"excerpt": ""}), {"excerpt": "Plain words.", "content": "Other words."}
# Through the trash and the archive of each state, with a change by v1 at every stop; an excerpt that each sends back.
TOURS = [
    [DERIVE, Write(1, "put", SEND_BACK), Write(1, "put", {"content": "Plain words."}), Write(2, "patch", SEND_BACK)],
    [PUBLISH_LATER, RETITLE, Write(1, "delete"), RETITLE, RESTORE, Write(2, "trash"), RESTORE, TAKE_BACK, ARCHIVE],
    [ARCHIVE, TAKE_BACK, Write(1, "delete"), ARCHIVE, RESTORE, Write(1, "put", {"category": "One"}), RESTORE, RETITLE],
    [Write(2, "trash"), Write(2, "patch", {"tags": ["blue"]}), RESTORE, Write(2, "publish"), ARCHIVE, RETITLE, ARCHIVE],
]


@ORDINARY
@example(requests=TOURS[0])
@example(requests=TOURS[1])
@example(requests=TOURS[2])
@example(requests=TOURS[3])
@given(requests=st.lists(writes, min_size=5, max_size=12))
def test_any_mixture_of_writes_leaves_what_the_model_says(desk: OpenDesk, requests: list[Write]) -> None:
    run(desk, requests)


@pytest.mark.soak
@settings(ORDINARY, max_examples=300, derandomize=False, print_blob=True)
@given(requests=st.lists(writes, min_size=1, max_size=30))
def test_long_mixtures_of_writes_leave_what_the_model_says(desk: OpenDesk, requests: list[Write]) -> None:
    run(desk, requests)
