"""Idempotency-Key: a POST that is sent again is answered as before, and does nothing."""

import datetime
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone

from cms.errors import KeyInFlight
from cms.models import AuditEvent, Comment, Post, StoredAnswer, User
from cms.models.stored_answers import NOBODY
from cms.policy import SYSTEM
from cms.rate_limits import KEPT_REFUSALS, REGISTER, Quota, address_quota, give_back, take
from cms.services.idempotency import Answer, RepeatableRequest, perform_once
from tests.api_v2.sending import problem_of, send
from tests.conftest import PASSWORD

BODY = {"title": "Once", "content": "Words."}
Users = Callable[..., User]
Clients = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def keyed(client: Client, path: str, body: Any = None, key: str = "k1", **headers: str) -> Any:
    return send(client, "post", path, body, **{"Idempotency-Key": key}, **headers)


def test_the_same_key_and_body_get_the_same_answer_and_one_post(own: Client) -> None:
    first, again = keyed(own, "/posts", BODY), keyed(own, "/posts", BODY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    for name in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert again.headers[name] == first.headers[name]
    assert Post.objects.count() == 1
    assert AuditEvent.objects.filter(action="post.created").count() == 1


@pytest.mark.parametrize("key", ["k", '"k"', "x" * 255, "ü", "a, b"])
def test_a_key_is_any_text_of_up_to_255_characters(own: Client, key: str) -> None:
    assert [keyed(own, "/posts", BODY, key).status_code for _ in range(2)] == [201, 201]
    assert keyed(own, "/posts", BODY, f"{key[:254]}!").headers.get("Idempotency-Replayed") is None
    assert Post.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256], ids=["empty", "too long"])
def test_an_empty_or_overlong_key_is_a_400_and_nothing_is_done(own: Client, key: str) -> None:
    assert problem_of(keyed(own, "/posts", BODY, key)) == (400, "invalid-idempotency-key")
    assert not Post.objects.exists()


def test_another_body_under_the_same_key_is_a_422_and_nothing_is_done(own: Client) -> None:
    keyed(own, "/posts", BODY)
    assert problem_of(keyed(own, "/posts", {**BODY, "title": "Twice"})) == (422, "idempotency-key-reused")
    assert Post.objects.count() == 1
    assert keyed(own, "/posts", BODY).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("path", ["/posts", "/posts/x/actions/publish", "/users"])
def test_a_body_of_parts_is_refused_as_it_is_without_a_key(
    own: Client, make_post: Callable[..., Post], path: str
) -> None:
    make_post(slug="x", is_published=False)
    first, again = (own.post(f"/api/v2{path}", {"a": "b"}, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert problem_of(first) == problem_of(again) == (415, "unsupported-media-type")


def test_a_refusal_is_repeated_too_and_leaves_nothing_but_itself(own: Client, editor: User) -> None:
    body = {**BODY, "tags": ["New"], "slug": "taken"}
    assert send(own, "post", "/posts", {**BODY, "slug": "taken"}).status_code == 201
    first, again = keyed(own, "/posts", body), keyed(own, "/posts", body)
    assert problem_of(first) == problem_of(again) == (409, "duplicate")
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Post.objects.count() == StoredAnswer.objects.count() == 1


def test_a_long_refusal_is_judged_again(own: Client) -> None:
    unknown = {f"m{n:03}" + "x" * 90: 1 for n in range(60)}
    first, again = (keyed(own, "/posts", {**BODY, **unknown}) for _ in range(2))
    assert len(first.content) > 2_048
    assert (first.status_code, again.status_code) == (422, 422)
    assert "Idempotency-Replayed" not in again.headers
    assert not StoredAnswer.objects.exists()
    keyed(own, "/posts", BODY, "k2")
    assert StoredAnswer.objects.count() == 1


def test_a_user_has_so_many_refusals_stored_a_day_with_all_credentials_together(
    own: Client, client_of: Clients, author: User
) -> None:
    for _ in range(99):
        take([Quota(KEPT_REFUSALS, str(author.pk))], timezone.now())
    for client, key, is_kept in ((own, "a", True), (client_of(author), "b", False), (own, "c", False)):
        answers = [keyed(client, "/posts", {"title": ""}, key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert ("Idempotency-Replayed" in answers[1].headers) == is_kept
    assert StoredAnswer.objects.count() == 1
    for _ in range(2):
        assert keyed(own, "/posts", BODY, "d").status_code == 201
    assert Post.objects.count() == 1


def test_401_is_never_stored(client: Client) -> None:
    assert keyed(client, "/posts", BODY).status_code == 401
    assert not StoredAnswer.objects.exists()


@pytest.mark.parametrize(
    "path",
    ["/posts", "/posts/x/actions/publish", "/tags", "/media", "/webhooks", "/posts/x/revisions/1/actions/restore"],
)
def test_the_body_of_a_sender_without_a_credential_is_not_read(client: Client, path: str) -> None:
    answer = client.post(f"/api/v2{path}", b"{}", content_type="application/json", headers={"Idempotency-Key": "k"})
    assert answer.status_code in (401, 404)
    request: Any = answer.wsgi_request
    assert not request._read_started


def test_a_429_of_a_handler_is_never_stored(client: Client, settings: Any) -> None:
    settings.RATE_LIMIT_REGISTER = 1
    first, second = (
        {"username": name, "email": f"{name}@example.org", "password": PASSWORD} for name in ("mia", "ada")
    )
    assert send(client, "post", "/users", first).status_code == 201
    assert problem_of(keyed(client, "/users", second)) == (429, "rate-limited")
    give_back([address_quota(REGISTER, "127.0.0.1")])
    assert keyed(client, "/users", second).status_code == 201


def test_a_fault_of_the_server_stores_nothing_and_undoes_the_change(
    own: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        # The last statement of the transaction fails: the answer itself can't be stored.
        broken.setattr(StoredAnswer.objects, "create", lambda **_: (_ for _ in ()).throw(IntegrityError("full")))
        own.raise_request_exception = False
        assert keyed(own, "/posts", BODY).status_code == 500
    assert not Post.objects.exists()
    assert not StoredAnswer.objects.exists()
    assert keyed(own, "/posts", BODY).status_code == 201


def test_senders_paths_and_keys_of_others_are_other_requests(
    own: Client, client_of: Clients, make_user: Users, make_post: Callable[..., Post]
) -> None:
    keyed(own, "/posts", BODY)
    answers = [
        keyed(client_of(make_user("author")), "/posts", BODY),
        keyed(own, f"/posts/{make_post().pk}/comments", {"text": "x"}),
        keyed(own, "/posts", BODY, "K1"),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


def test_the_pinned_path_and_the_entrance_are_one_path(own: Client) -> None:
    headers = {"API-Version": "2", "Idempotency-Key": "k1"}
    first = own.post("/api/posts", BODY, content_type="application/json", headers=headers)
    again = keyed(own, "/posts", BODY)
    assert (first.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert Post.objects.count() == 1


def test_anonymous_senders_are_told_apart_by_their_address(client: Client) -> None:
    body = {"username": "mia", "email": "mia@example.org", "password": "a long enough pass-phrase"}
    send_from = lambda address: client.post(  # noqa: E731
        "/api/v2/users", body, content_type="application/json", headers={"Idempotency-Key": "k"}, REMOTE_ADDR=address
    )
    assert [send_from("192.0.2.1").status_code for _ in range(2)] == [201, 201]
    assert send_from("192.0.2.2").status_code == 409
    assert User.objects.filter(username="mia").count() == 1


def test_no_secret_can_be_read_from_what_is_stored(client: Client) -> None:
    body = {"username": "mia", "email": "mia@example.org", "password": "a long enough pass-phrase"}
    keyed(client, "/users", body, "my-key")
    stored = StoredAnswer.objects.get()
    texts = f"{stored.request_digest} {stored.body_digest} {stored.headers} {bytes(stored.body)!r}"
    assert not any(secret in texts for secret in ("pass-phrase", "my-key", "127.0.0.1"))


def test_tokens_and_previews_ignore_the_key_for_their_answers_are_secrets(
    own: Client, client: Client, make_user: Users, make_post: Callable[..., Post]
) -> None:
    make_user(username="mia", password="a long enough pass-phrase")
    login = {"email": "mia@example.org", "password": "a long enough pass-phrase"}
    path = f"/posts/{make_post().pk}/actions/preview"
    for by, url, body in ((client, "/auth/token", login), (own, path, None)):
        for key in ("k", "x" * 300):
            assert keyed(by, url, body, key).status_code == 200
    assert not StoredAnswer.objects.exists()


def test_a_webhook_is_made_once_and_its_secret_told_once(client_of: Clients, make_user: Users) -> None:
    admin = client_of(make_user("admin"))
    body = {"url": "https://hooks.example.org/x", "events": ["post.published"]}
    first, again = (keyed(admin, "/webhooks", body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == {**first.json(), "secret": None}
    assert again.headers["Content-Length"] == str(len(again.content))
    assert first.json()["secret"].encode() not in bytes(StoredAnswer.objects.get().body)


def test_what_is_stored_knows_whom_it_names(
    own: Client, client: Client, client_of: Clients, make_user: Users, make_post: Callable[..., Post]
) -> None:
    """Deleting a user deletes what names the user, and reads no body for it."""
    mia = keyed(client, "/users", {"username": "mia", "email": "mia@example.org", "password": "a long pass-phrase"})
    admin, post = make_user("admin"), make_post()
    by_admin = client_of(admin)
    comment = keyed(by_admin, f"/posts/{post.pk}/comments", {"text": "a"})
    suspended = keyed(by_admin, f"/users/{mia.json()['id']}/actions/suspend")
    text = keyed(own, "/posts", {**BODY, "content": '"username":"mia", "author_name":'})
    assert [each.status_code for each in (mia, comment, suspended, text)] == [201, 201, 200, 201]
    persons = [str(person) for person in StoredAnswer.objects.order_by("pk").values_list("person", flat=True)]
    assert persons == [mia.json()["id"], str(admin.pk), mia.json()["id"], str(NOBODY)]


def test_after_a_day_a_key_is_new_again(own: Client) -> None:
    first = keyed(own, "/posts", BODY)
    day_ago = timezone.now() - datetime.timedelta(hours=24, seconds=1)
    StoredAnswer.objects.update(created_at=day_ago)
    again = keyed(own, "/posts", BODY)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    assert again.json()["id"] != first.json()["id"]
    assert StoredAnswer.objects.get().created_at > day_ago


def test_an_action_with_a_key_is_done_once(own: Client, make_post: Callable[..., Post]) -> None:
    post = make_post(is_published=False)
    first, again = (keyed(own, f"/posts/{post.pk}/actions/publish") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert problem_of(send(own, "post", f"/posts/{post.pk}/actions/publish")) == (409, "invalid-transition")


def test_get_patch_and_delete_ignore_the_key(own: Client, make_post: Callable[..., Post]) -> None:
    path = f"/posts/{make_post().pk}"
    for method, body in (("get", None), ("patch", {"title": "x"}), ("delete", None)):
        assert send(own, method, path, body, **{"Idempotency-Key": ""}).status_code < 300
    assert not StoredAnswer.objects.exists()


def test_a_repeated_answer_counts_against_the_rate_limit(own: Client) -> None:
    first, again = (keyed(own, "/posts", BODY).headers["RateLimit"] for _ in range(2))
    assert first != again


@pytest.mark.django_db(transaction=True)
def test_eight_equal_posts_at_once_make_one_object(client_of: Clients, author: User) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("the test database of SQLite lies in memory: tests/faults/test_repeated_requests.py has a file")
    clients = [client_of(author)] * 8
    for turn in range(5):
        barrier = threading.Barrier(8)

        def post(client: Client, turn: int = turn, barrier: threading.Barrier = barrier) -> tuple[int, bool]:
            try:
                own = Client(**client.defaults)
                barrier.wait()
                answer = keyed(own, "/posts", {"title": f"Turn {turn}", "content": "x"}, f"turn {turn}")
                return answer.status_code, "Idempotency-Replayed" in answer.headers
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            outcomes = Counter(pool.map(post, clients))
        assert Post.objects.filter(title=f"Turn {turn}").count() == 1
        assert outcomes[201, False] == 1
        assert set(outcomes) <= {(201, False), (201, True), (409, False)}


@pytest.mark.django_db(transaction=True)
def test_while_a_request_runs_the_same_one_is_refused_at_once() -> None:
    request = RepeatableRequest("ab" * 32, "cd" * 32)
    outcomes: list[Any] = []

    def attempt() -> None:
        try:
            outcomes.append(
                perform_once(
                    actor=SYSTEM, request=request, perform=perform, kept_of=lambda answer: answer, now=timezone.now()
                )
            )
        except KeyInFlight as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    def perform() -> Answer:
        inner = threading.Thread(target=attempt)
        inner.start()
        inner.join(10)
        return Answer(200, {}, b"done")

    attempt()
    assert outcomes[0] == "idempotency_key_in_flight"
    assert outcomes[1] == (Answer(200, {}, b"done"), False)
    assert Comment.objects.count() == 0
