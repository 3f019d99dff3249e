"""Media: uploading, listing, describing and deleting files."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api_v2 import pagination
from cms import limits
from cms.models import AuditEvent, MediaFile, Post, User
from tests.api_v2.sending import codes_of, problem_of, send
from tests.api_v2.uploading import PDF, PHOTO, bytes_of, look, upload
from tests.cms.media.pictures import encode, picture

PUBLIC, PRIVATE = "public, max-age=0, must-revalidate", "private, no-cache"


pytestmark = pytest.mark.usefixtures("media_root")
on_both = pytest.mark.usefixtures("media_place")


@on_both
def test_a_file_is_uploaded_and_found_where_location_says(own: Client, author: User) -> None:
    answer = upload(own, alt_text="A quarter", caption="Lisbon")
    body = answer.json()
    assert (answer.status_code, body["mime_type"], body["width"], body["height"]) == (201, "image/jpeg", 400, 300)
    assert (body["alt_text"], body["caption"], body["uploaded_by"]) == ("A quarter", "Lisbon", str(author.pk))
    assert own.get(answer.headers["Location"]).json() == body
    path = f"/api/v2/media/{body['id']}"
    assert body["links"]["content"] == f"{path}/content"
    assert body["links"]["renditions"] == {spec: f"{path}/renditions/{spec}" for spec in limits.RENDITIONS}
    assert b"Canon" not in bytes_of(own.get(body["links"]["content"]))
    assert AuditEvent.objects.get(action="media.uploaded").api_version == 2


@on_both
@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (b"<html><script>", "photo.jpg", 415, "unsupported_type"),
        (b"MZ\x90\x00\x03", "photo.jpg", 415, "unsupported_type"),
        (PHOTO[:500], "photo.jpg", 422, "broken_file"),
        (b"", "photo.jpg", 422, "empty"),
        (encode(picture((64, 64)), "PNG") + b"x" * 5000, "large.png", 413, "too_large"),
    ],
    ids=["page", "program", "cut", "empty", "large"],
)
def test_a_file_that_is_not_taken_leaves_nothing(
    own: Client, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str, status: int, code: str
) -> None:
    monkeypatch.setattr(limits, "IMAGE_BYTES_MAX", 4_000)
    answer = upload(own, content, name)
    assert (answer.status_code, codes_of(answer)) == (status, [("/file", code)])
    assert not MediaFile.objects.exists()


def test_parts_are_read_strictly(own: Client) -> None:
    file = SimpleUploadedFile("a.pdf", PDF)
    for parts, errors in (
        ({}, [("/file", "required")]),
        ({"file": "text"}, [("/file", "invalid_type")]),
        ({"file": file, "title": "x"}, [("/title", "unknown_member")]),
        ({"file": file, "alt_text": SimpleUploadedFile("b.txt", b"x")}, [("/alt_text", "invalid_type")]),
        ({"file": file, "caption": ["a", "b"]}, [("/caption", "repeated")]),
        ({"file": [file, file]}, [("/file", "repeated")]),
        ({"file": file, "alt_text": "x" * 501}, [("/alt_text", "too_long")]),
    ):
        file.seek(0)
        answer = own.post("/api/v2/media", parts)  # type: ignore[arg-type]
        assert (answer.status_code, codes_of(answer)) == (422, errors)
    assert not MediaFile.objects.exists()


def test_a_body_that_is_no_upload_is_refused_before_it_is_read(own: Client) -> None:
    answer = send(own, "post", "/media", {"file": "x"})
    assert (problem_of(answer), answer.headers["Accept"]) == ((415, "unsupported-media-type"), "multipart/form-data")
    head = {"content_type": "multipart/form-data; boundary=x", "CONTENT_LENGTH": str(60 * 1024 * 1024)}
    assert problem_of(own.generic("POST", "/api/v2/media", b"--x", **head)) == (413, "body-too-large")
    nothing = own.post("/api/v2/media", b"no parts", content_type="multipart/form-data; boundary=x")
    assert problem_of(nothing) == (422, "invalid-input")
    unbound = own.post("/api/v2/media", b"no parts", content_type="multipart/form-data")
    assert problem_of(unbound) == (400, "bad-request")


def test_only_authors_upload(
    client: Client, client_of: Callable[[User], Client], make_user: Callable[..., User]
) -> None:
    assert problem_of(upload(client)) == (401, "authentication-required")
    assert problem_of(upload(client_of(make_user("subscriber")))) == (403, "permission-denied")
    assert not MediaFile.objects.exists()


def test_texts_of_another_structure_are_another_upload(own: Client) -> None:
    first = upload(own, alt_text=["a", "caption", "b"], headers={"Idempotency-Key": "k"})
    assert first.status_code == 422
    second = upload(own, alt_text="a", caption="b", headers={"Idempotency-Key": "k"})
    assert problem_of(second) == (422, "idempotency-key-reused")


@on_both
def test_a_repeated_upload_with_its_key_makes_one_file(own: Client) -> None:
    first, again = (upload(own, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    other = upload(own, PDF, headers={"Idempotency-Key": "k"})
    assert problem_of(other) == (422, "idempotency-key-reused")
    assert MediaFile.objects.count() == 1


def test_a_file_is_described_anew(own: Client, photo: MediaFile) -> None:
    path = f"/media/{photo.pk}"
    etag = send(own, "get", path).headers["ETag"]
    answer = send(own, "patch", path, {"alt_text": "New", "caption": None}, **{"If-Match": etag})
    assert (answer.status_code, answer.json()["alt_text"], answer.json()["caption"]) == (200, "New", "")
    assert problem_of(send(own, "patch", path, {"caption": "x"}, **{"If-Match": etag})) == (412, "precondition-failed")
    unknown = send(own, "patch", path, {"mime_type": "text/html"})
    assert (unknown.status_code, codes_of(unknown)) == (422, [("/mime_type", "unknown_member")])


@on_both
def test_a_file_that_a_post_shows_is_not_deleted(own: Client, photo: MediaFile, make_post: Callable[..., Post]) -> None:
    post = make_post(featured_image=photo, is_published=False)
    assert problem_of(send(own, "delete", f"/media/{photo.pk}")) == (409, "in-use")
    Post.objects.filter(pk=post.pk).update(featured_image=None)
    assert send(own, "delete", f"/media/{photo.pk}").status_code == 204
    assert problem_of(send(own, "get", f"/media/{photo.pk}")) == (404, "not-found")


def test_others_change_a_file_only_as_editors(
    client: Client, client_of: Callable[[User], Client], make_user: Callable[..., User], photo: MediaFile, editor: User
) -> None:
    path, stranger = f"/media/{photo.pk}", client_of(make_user("author"))
    assert problem_of(send(stranger, "patch", path, {"caption": "x"})) == (404, "not-found")
    assert problem_of(send(client, "delete", path)) == (401, "authentication-required")
    assert send(client_of(editor), "patch", path, {"caption": "Edited"}).status_code == 200


def test_a_file_that_may_only_be_looked_at_is_a_403(
    client_of: Callable[[User], Client],
    make_user: Callable[..., User],
    photo: MediaFile,
    make_post: Callable[..., Post],
) -> None:
    make_post(featured_image=photo)
    stranger = client_of(make_user("author"))
    for method, body in (("patch", {"caption": "x"}), ("delete", None)):
        assert problem_of(send(stranger, method, f"/media/{photo.pk}", body)) == (403, "permission-denied")


@pytest.mark.parametrize(("role", "is_told"), [("author", False), ("editor", True)])
def test_who_uploaded_a_file_is_told_to_editors_and_to_no_other_author(
    client_of: Callable[[User], Client],
    make_user: Callable[..., User],
    photo: MediaFile,
    make_post: Callable[..., Post],
    role: str,
    is_told: bool,
) -> None:
    make_post(featured_image=photo)
    told = send(client_of(make_user(role)), "get", f"/media/{photo.pk}").json()["uploaded_by"]
    assert told == (str(photo.uploaded_by_id) if is_told else None)


@pytest.mark.parametrize("media_id", ["nonsense", "0197a0b0-0000-7000-8000-000000000000"])
def test_no_such_file_is_a_404(own: Client, media_id: str) -> None:
    for tail in ("", "/content", "/renditions/width-320"):
        assert problem_of(send(own, "get", f"/media/{media_id}{tail}")) == (404, "not-found")


def test_the_list_is_filtered_and_walked(own: Client) -> None:
    upload(own, alt_text="A quarter of it")
    upload(own, PDF, "paper.pdf")
    upload(own, b"plain words", "notes.txt")

    def names(path: str) -> list[str]:
        answer = own.get(path)
        assert answer.status_code == 200, answer.content
        return [row["original_name"] for row in answer.json()["data"]]

    assert names("/api/v2/media?kind=image") == ["photo.jpg"]
    assert names("/api/v2/media?kind=document") == ["notes.txt", "paper.pdf"]
    assert names("/api/v2/media?q=QUARTER") == ["photo.jpg"]
    first = own.get("/api/v2/media?limit=2&count=exact").json()["page"]
    assert (first["total"], names(first["next"])) == (3, ["photo.jpg"])
    assert problem_of(own.get("/api/v2/media?kind=video")) == (400, "invalid-parameter")


@pytest.mark.parametrize("looked_at", [3, 200])
def test_the_list_leads_past_hidden_files_in_both_directions(
    client: Client, own: Client, make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(pagination, "LOOKED_AT", looked_at)
    ids = [upload(own, b"words %d" % number, f"{number}.txt").json()["id"] for number in range(12)]
    shown = [ids[11], ids[5], ids[4], ids[0]]
    make_post().embedded_media.set(MediaFile.objects.filter(pk__in=shown))

    def walk(path: str | None, step: str) -> list[list[str]]:
        pages = []
        while path:
            answer = client.get(path).json()
            pages.append([row["id"] for row in answer["data"]])
            assert answer["page"]["has_more"] == (pages[-1][-1] != shown[-1])
            path = answer["page"][step]
        return pages

    assert walk("/api/v2/media?limit=2", "next") == [shown[:2], shown[2:]]
    assert walk("/api/v2/media?limit=1", "next") == [[one] for one in shown]
    last = client.get(client.get("/api/v2/media?limit=2").json()["page"]["next"]).json()
    assert walk(last["page"]["previous"], "previous") == [shown[:2]]
    assert client.get("/api/v2/media?limit=1&count=exact").json()["page"]["total"] == len(shown)
    assert len(own.get("/api/v2/media?limit=100").json()["data"]) == 12


@pytest.mark.parametrize("query", ["", "?q=salary", "?kind=document", "?limit=1&count=exact"])
def test_no_cursor_and_no_next_page_tells_of_a_hidden_file(
    client: Client, own: Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(pagination, "LOOKED_AT", 3)
    for number in range(7):
        upload(own, b"words %d" % number, f"salary {number}.txt")
    answer = client.get(f"/api/v2/media{query}").json()
    assert (answer["data"], answer["page"]["has_more"], answer["page"]["next"]) == ([], False, None)


@on_both
@pytest.mark.parametrize(
    ("tail", "budget"), [("?limit=100", 2), ("/{}", 1), ("/{}/content", 1), ("/{}/renditions/width-320", 2)]
)
def test_public_reads_cost_the_same_for_one_file_and_for_many(
    client: Client, own: Client, make_post: Callable[..., Post], tail: str, budget: int
) -> None:
    costs = []
    for _ in range(2):
        media = MediaFile.objects.get(pk=upload(own).json()["id"])
        make_post(featured_image=media)
        path = f"/media{tail.format(media.pk)}"
        look(client, "get", path)
        with CaptureQueriesContext(connection) as queries:
            assert look(client, "get", path).status_code == 200
        costs.append(len(queries))
    assert costs == [budget, budget]


def test_a_focal_point_is_written_read_and_taken_away(own: Client, photo: MediaFile) -> None:
    path = f"/media/{photo.pk}"
    assert send(own, "get", path).json()["focal_point"] is None
    point = {"x": 0.25, "y": 1}
    changed = send(own, "patch", path, {"focal_point": point})
    assert (changed.status_code, changed.json()["focal_point"]) == (200, point)
    assert send(own, "get", f"{path}?fields=focal_point").json() == {"focal_point": point}
    assert send(own, "patch", path, {"alt_text": "A ferry"}).json()["focal_point"] == point
    assert send(own, "patch", path, {"focal_point": None}).json()["focal_point"] is None


@pytest.mark.parametrize(
    ("point", "code", "pointer"),
    [
        ({"x": 0.5}, "required", "/focal_point/y"),
        ({"x": 0.5, "y": 1.5}, "out_of_range", "/focal_point/y"),
        ({"x": True, "y": 0}, "invalid_type", "/focal_point/x"),
        ({"x": 0, "y": 0, "z": 0}, "unknown_member", "/focal_point/z"),
        ([0, 0], "invalid_type", "/focal_point"),
    ],
)
def test_a_wrong_focal_point_is_refused(own: Client, photo: MediaFile, point: Any, code: str, pointer: str) -> None:
    answer = send(own, "patch", f"/media/{photo.pk}", {"focal_point": point})
    assert answer.status_code == 422
    assert (code, pointer) in [(error["code"], error["pointer"]) for error in answer.json()["errors"]]


def test_a_document_takes_no_focal_point(own: Client) -> None:
    path = upload(own, PDF, "paper.pdf").json()["links"]["self"].removeprefix("/api/v2")
    answer = send(own, "patch", path, {"focal_point": {"x": 0, "y": 0}})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_an_image")
