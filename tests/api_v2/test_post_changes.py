"""PATCH and DELETE of posts: merge patches, If-Match, who may, what is stored."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cms.models import AuditEvent, Category, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.posts import update_post
from tests.api_v2.sending import codes_of, problem_of, send

Posts = Callable[..., Post]
Clients = Callable[[User], Client]


@pytest.fixture
def image(author: User) -> MediaFile:
    return MediaFile.objects.create(
        file="media/x.png", original_name="x.png", mime_type="image/png", size_bytes=1, sha256="0" * 64,
        uploaded_by=author,
    )  # fmt: skip


def test_a_patch_changes_what_it_names_and_answers_with_the_whole_post(own: Client, make_post: Posts) -> None:
    post = make_post(title="Before", tags=["One"], language="de", meta_title="M", meta_description="D")
    answer = send(own, "patch", f"/posts/{post.slug}", {"title": "After", "meta": {"title": "N"}})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["title"], body["language"], body["meta"]) == ("After", "de", {"title": "N", "description": "D"})
    assert (len(body["tags"]), body["version"], body["status"]) == (1, post.version + 1, "published")
    get = own.get(f"/api/v2/posts/{post.pk}")
    assert (answer.content, answer.headers["ETag"]) == (get.content, get.headers["ETag"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(action="post.updated", api_version=2).count() == 1


def test_null_takes_away_what_may_be_missing(own: Client, make_post: Posts, image: MediaFile, editor: User) -> None:
    post = make_post(
        tags=["One"], language="de", meta_title="M", excerpt="Mine", featured_image=image, co_authors=[editor]
    )
    removed = ("tags", "categories", "co_authors", "language", "meta", "excerpt", "featured_image", "expires_at")
    body = send(own, "patch", f"/posts/{post.pk}", dict.fromkeys(removed)).json()
    assert (body["tags"], body["categories"], body["co_authors"], body["featured_image"]) == ([], [], [], None)
    assert (body["language"], body["excerpt"]) == ("en", "Some content.")
    assert body["meta"] == {"title": "", "description": ""}


@pytest.mark.parametrize("member", ["title", "content", "slug", "content_format", "visibility", "kind"])
def test_null_for_what_every_post_has_is_a_422(own: Client, make_post: Posts, member: str) -> None:
    post = make_post()
    assert codes_of(send(own, "patch", f"/posts/{post.pk}", {member: None})) == [(f"/{member}", "invalid_type")]
    assert Post.objects.get().version == post.version


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"status": "draft"}, "/status", "unknown_member"),
        ({"version": 3}, "/version", "unknown_member"),
        ({"meta": {"keywords": "x"}}, "/meta/keywords", "unknown_member"),
        ({"featured_image": "x"}, "/featured_image", "unknown"),
        ({"featured_image": 1}, "/featured_image", "invalid_type"),
        ({"categories": ["nowhere"]}, "/categories/0", "unknown"),
        ({"title": ""}, "/title", "required"),
        ([], "", "invalid_type"),
        ("text", "", "invalid_type"),
    ],
)
def test_a_patch_that_cannot_be_stored_is_a_422_that_points_there(
    own: Client, make_post: Posts, body: Any, pointer: str, code: str
) -> None:
    post = make_post()
    answer = own.patch(f"/api/v2/posts/{post.pk}", body, content_type="application/merge-patch+json")
    if isinstance(body, str):
        answer = own.patch(f"/api/v2/posts/{post.pk}", f'"{body}"', content_type="application/merge-patch+json")
    assert answer.status_code == 422
    assert codes_of(answer) == [(pointer, code)]
    if code == "unknown_member" and pointer == "/status":
        assert "title, content, slug" in answer.json()["detail"]


def test_a_patch_is_a_merge_patch_or_plain_json_and_nothing_else(own: Client, make_post: Posts) -> None:
    path = f"/api/v2/posts/{make_post().pk}"
    for content_type in ("application/merge-patch+json", "application/json", "application/json; charset=utf-8"):
        assert own.patch(path, {"title": content_type}, content_type=content_type).status_code == 200
    refused = own.patch(path, "[]", content_type="application/json-patch+json")
    assert problem_of(refused) == (415, "unsupported-media-type")
    assert refused.headers["Accept-Patch"] == "application/merge-patch+json, application/json"
    assert own.options(path).headers["Accept-Patch"] == refused.headers["Accept-Patch"]
    assert problem_of(own.patch(path, "{", content_type="application/json")) == (400, "malformed-json")
    assert own.post("/api/v2/posts", "{}", content_type="application/merge-patch+json").status_code == 415


def test_an_empty_patch_changes_nothing_and_no_version(own: Client, make_post: Posts) -> None:
    post = make_post()
    answer = send(own, "patch", f"/posts/{post.pk}", {})
    assert (answer.status_code, answer.json()["version"]) == (200, post.version)


def test_relations_are_replaced_as_a_whole(
    own: Client, make_post: Posts, make_category: Callable[..., Category], image: MediaFile, editor: User
) -> None:
    post, category = make_post(tags=["Old", "Kept"]), make_category("News")
    changes = {"tags": ["kept", "Brand new"], "categories": ["news"], "co_authors": [str(editor.pk)]}
    body = send(own, "patch", f"/posts/{post.pk}", {**changes, "featured_image": str(image.pk)}).json()
    assert {tag.name for tag in Post.objects.get().tags.all()} == {"Kept", "Brand new"}
    assert (body["categories"], body["co_authors"]) == ([str(category.pk)], [str(editor.pk)])
    assert body["featured_image"] == str(image.pk)


def test_a_file_that_is_no_image_or_hidden_is_no_featured_image(
    own: Client, make_post: Posts, image: MediaFile, make_user: Callable[..., User], client_of: Clients
) -> None:
    stranger = make_user("author")
    theirs = make_post(by=stranger)
    hidden = send(client_of(stranger), "patch", f"/posts/{theirs.pk}", {"featured_image": str(image.pk)})
    assert codes_of(hidden) == [("/featured_image", "unknown")]
    MediaFile.objects.update(mime_type="application/pdf")
    answer = send(own, "patch", f"/posts/{make_post().pk}", {"featured_image": str(image.pk)})
    assert codes_of(answer) == [("/featured_image", "not_an_image")]


def test_strangers_change_nothing(
    client: Client, client_of: Clients, make_post: Posts, hidden_posts: dict[str, Post], make_user: Callable[..., User]
) -> None:
    public, draft = f"/posts/{make_post().pk}", f"/posts/{hidden_posts['draft'].pk}"
    author, subscriber = client_of(make_user("author")), client_of(make_user())
    expected = [
        *((client, public, 401), (client, draft, 401)),
        *((subscriber, public, 403), (subscriber, draft, 403)),
        *((author, public, 403), (author, draft, 404)),
    ]
    before = list(Post.objects.values("pk", "version", "status"))
    for by, path, status in expected:
        for method, rest in (("patch", ""), ("delete", ""), ("post", "/actions/archive"), ("post", "/actions/preview")):
            assert send(by, method, f"{path}{rest}", {} if method == "patch" else None).status_code == status
    assert list(Post.objects.values("pk", "version", "status")) == before


def test_who_leaves_the_authors_still_reads_what_became_of_the_change(
    client_of: Clients, make_post: Posts, make_user: Callable[..., User]
) -> None:
    co_author = make_user("author")
    post = make_post(is_published=False, co_authors=[co_author])
    by = client_of(co_author)
    answer = send(by, "patch", f"/posts/{post.pk}", {"co_authors": []})
    assert (answer.status_code, answer.json()["co_authors"], answer.json()["actions"]) == (200, [], [])
    assert send(by, "get", f"/posts/{post.pk}").status_code == 404


def test_a_new_slug_leaves_a_redirect_on_the_same_base(own: Client, client: Client, make_post: Posts) -> None:
    make_post(slug="old-one")
    assert send(own, "patch", "/posts/old-one", {"slug": "new-öne"}).json()["slug"] == "new-öne"
    for base in ("/api/v2", "/api"):
        answer = client.get(f"{base}/posts/old-one?fields=id", headers={"API-Version": "2"})
        assert (answer.status_code, answer.headers["Location"]) == (301, f"{base}/posts/new-%C3%B6ne?fields=id")
    assert send(own, "patch", "/posts/old-one", {"title": "x"}).status_code == 404
    update_post(
        actor=SYSTEM, post=Post.objects.get(), changes={"visibility": "private"}, now=Post.objects.get().updated_at
    )
    assert client.get("/api/v2/posts/old-one").status_code == 404


def test_an_old_slug_leads_on_while_nothing_public_has_it(
    client: Client, make_post: Posts, make_user: Callable[..., User], client_of: Clients
) -> None:
    send(client_of(make_post(slug="old-one").author), "patch", "/posts/old-one", {"slug": "new-one"})
    other = client_of(make_user("author"))
    taken = send(other, "post", "/posts", {"title": "Mine", "content": "x", "slug": "old-one"}).json()
    assert send(other, "get", "/posts/old-one").json()["id"] == taken["id"]
    places = ("/posts/old-one", "/redirects?path=/posts/old-one")
    for action, statuses in (("", (301, 301)), ("publish", (200, 404)), ("unpublish", (301, 301))):
        if action:
            send(other, "post", f"/posts/{taken['id']}/actions/{action}")
        answers = [client.get(f"/api/v2{place}") for place in places]
        assert tuple(answer.status_code for answer in answers) == statuses
        assert {answer.headers.get("Location", "/api/v2/posts/new-one") for answer in answers} == {
            "/api/v2/posts/new-one"
        }
    send(other, "patch", f"/posts/{taken['id']}", {"slug": "another"})  # of a draft: nobody's links meant it
    assert client.get("/api/v2/posts/old-one").headers["Location"] == "/api/v2/posts/new-one"


def test_a_taken_slug_is_a_409(own: Client, make_post: Posts) -> None:
    make_post(slug="taken")
    answer = send(own, "patch", f"/posts/{make_post(slug='mine').pk}", {"slug": "taken"})
    assert (problem_of(answer), codes_of(answer)) == ((409, "duplicate"), [("/slug", "duplicate")])


def test_delete_moves_to_the_trash_and_a_second_one_says_so(own: Client, client: Client, make_post: Posts) -> None:
    post = make_post()
    answer = send(own, "delete", f"/posts/{post.pk}")
    assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (204, b"", False)
    assert Post.objects.get().status == "trashed"
    assert client.get(f"/api/v2/posts/{post.pk}").status_code == 404
    assert problem_of(send(own, "delete", f"/posts/{post.pk}")) == (409, "invalid-transition")


# -- If-Match ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"9-x", {}', '"9-x",W/{}', "*"])
def test_if_match_takes_the_version_of_any_of_its_tags(own: Client, make_post: Posts, form: str) -> None:
    path = f"/posts/{make_post().pk}"
    etag = send(own, "get", f"{path}?fields=id").headers["ETag"]  # another digest, the same version
    answer = send(own, "patch", path, {"title": "x"}, **{"If-Match": form.format(etag)})
    assert (answer.status_code, answer.json()["title"]) == (200, "x")


@pytest.mark.parametrize("tag", ['"1-abc"', '"nonsense"', "nonsense", "", '"02-abc"x', "3"])
def test_if_match_of_another_version_is_a_412_with_the_current_etag(own: Client, make_post: Posts, tag: str) -> None:
    post = make_post()
    assert post.version == 2
    tag = tag.replace("02", "0")
    etag = send(own, "get", f"/posts/{post.pk}").headers["ETag"]
    calls = [("patch", "", {"title": "x"}), ("delete", "", None), ("post", "/actions/archive", None)]
    calls += [("post", "/revisions/1/actions/restore", None)]
    for method, rest, body in calls:
        answer = send(own, method, f"/posts/{post.pk}{rest}", body, **{"If-Match": tag})
        assert problem_of(answer) == (412, "precondition-failed")
        assert answer.headers["ETag"] == etag
    assert Post.objects.values_list("version", "status").get() == (2, "published")


def test_the_etag_of_a_patch_is_good_for_the_next_one(own: Client, make_post: Posts) -> None:
    path = f"/posts/{make_post().pk}"
    etag = send(own, "get", path).headers["ETag"]
    for title in ("a", "b", "c"):
        answer = send(own, "patch", path, {"title": title}, **{"If-Match": etag})
        assert answer.status_code == 200
        stale, etag = etag, answer.headers["ETag"]
        assert send(own, "patch", path, {"title": "lost"}, **{"If-Match": stale}).status_code == 412
    assert Post.objects.get().title == "c"


def test_a_stranger_with_if_match_is_refused_for_being_one(
    client_of: Clients, make_user: Callable[..., User], make_post: Posts
) -> None:
    by = client_of(make_user("author"))
    answer = send(by, "patch", f"/posts/{make_post().pk}", {}, **{"If-Match": '"9-x"'})
    assert problem_of(answer) == (403, "permission-denied")


@pytest.mark.django_db(transaction=True)
def test_of_eight_writers_at_once_with_one_etag_one_wins(own: Client, make_post: Posts) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("the test database of SQLite lies in memory: tests/faults/test_repeated_requests.py has a file")
    path = f"/posts/{make_post().pk}"
    for _ in range(3):
        etag = send(own, "get", path).headers["ETag"]
        barrier = threading.Barrier(8)

        def patch(number: int, etag: str = etag, barrier: threading.Barrier = barrier) -> int:
            try:
                by = Client(**own.defaults)
                barrier.wait()
                status: int = send(by, "patch", path, {"title": f"w{number} {etag}"}, **{"If-Match": etag}).status_code
                return status
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert Counter(pool.map(patch, range(8))) == {200: 1, 412: 7}
