"""Long texts take seconds to render, compare and merge: few requests at a time work on them, and others go on."""

import datetime
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.test import Client

from canary.core.routing import bulkhead
from cms.costs.turns import DEAR, PLACES, TEXT_PLACES, Busy, shares_of
from cms.media.images import PICTURES
from cms.models import Post, PostRevision, User
from cms.services.posts import update_post
from cms.services.restoring import restore_revision
from cms.services.revisions import FieldChange, turn_to_compare
from cms.text.turns import ORDINARY_S, TEXTS, text_turn
from tests.cms.admin.conftest import filled_in
from tests.cms.costs.test_turns import a_request, wait_until
from tests.slow import slow

LONG: Final = "Some words.\n" * 2_000
LONGER: Final = "Some words.\n" * 5_000
"""Not compared without a turn."""
LONG_WORK_S: Final = 2 * ORDINARY_S
SHORT: Final = "Some words."
JSON: Final = "application/json"
LONG_S: Final = 60

type Ask = Callable[[str], Any]


@pytest.fixture
def no_place() -> Iterator[None]:
    """As long as others do dear work."""
    TEXTS._credit.spend(1_000)
    while TEXTS._places.take():
        pass
    yield
    TEXTS._begin()
    TEXTS._places._begin()


@pytest.fixture
def site(editor: User) -> Client:
    client = Client()
    client.force_login(editor)
    return client


@pytest.fixture
def api(editor: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(editor)


@pytest.fixture
def ask(site: Client, api: Client, make_post: Callable[..., Post]) -> Callable[[str, str], Any]:
    """`ask(door, text)`: the answer of a door that renders the text."""
    post = make_post(title="A", content="b")
    change = f"/admin/cms/post/{post.pk}/change/"
    doors: dict[str, Ask] = {
        "preview": lambda text: site.post("/admin/cms/post/preview/", {"content": text, "content_format": "markdown"}),
        "page": lambda text: site.post("/admin/cms/post/page/", {"content": text, "content_format": "markdown"}),
        "advice": lambda text: site.post("/admin/cms/post/advice/", {"content": text, "content_format": "markdown"}),
        "form": lambda text: site.post(change, {"_continue": "1", **filled_in(site.get(change), content=text)}),
        "v1 new": lambda text: api.post("/api/v1/posts", {"title": "A", "content": text}, JSON),
        "v1 change": lambda text: api.put(f"/api/v1/posts/{post.pk}", {"content": text}, JSON),
        "v2 new": lambda text: api.post("/api/v2/posts", {"title": "A", "content": text}, JSON),
        "v2 repeatable": lambda text: api.post(
            "/api/v2/posts", {"title": "A", "content": text}, JSON, headers={"Idempotency-Key": f"of-{len(text)}"}
        ),
        "v2 change": lambda text: api.patch(f"/api/v2/posts/{post.pk}", {"content": text}, JSON),
    }
    return lambda door, text: doors[door](text)


RENDERING: Final = [
    *("preview", "page", "advice", "form", "v1 new", "v1 change", "v2 new", "v2 repeatable", "v2 change")
]


@pytest.mark.parametrize("door", RENDERING)
def test_a_long_text_waits_for_a_place_and_an_ordinary_one_does_not(
    ask: Callable[[str, str], Any], door: str, no_place: None
) -> None:
    answer = ask(door, LONG)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert not Post.objects.exclude(content="b").exists()
    assert ask(door, SHORT).status_code in (200, 201, 302)
    TEXTS._places._begin()
    assert ask(door, LONG).status_code in (200, 201, 302)


@pytest.mark.parametrize("door", ["history", "v2"])
def test_long_revisions_are_compared_by_few_at_a_time(
    *,
    site: Client,
    api: Client,
    editor: User,
    make_post: Callable[..., Post],
    now: datetime.datetime,
    door: str,
    no_place: None,
) -> None:
    post = make_post(title="A", content="b")
    post = update_post(actor=editor, post=post, changes={"content": "c"}, now=now)
    ask = {
        "history": lambda: site.get(f"/admin/cms/post/{post.pk}/revisions/"),
        "v2": lambda: api.get(f"/api/v2/posts/{post.pk}/revisions/2/diff"),
    }[door]
    assert ask().status_code == 200
    newest = PostRevision.objects.get(post=post, number=2)
    newest.snapshot["content"] = LONGER
    newest.save()
    assert (ask().status_code, "Retry-After" in ask().headers) == (503, True)
    TEXTS._places._begin()
    assert ask().status_code == 200


@pytest.mark.parametrize("field", ["title", "content"])
def test_whatever_is_compared_waits_if_it_is_long(field: str, no_place: None) -> None:
    with pytest.raises(Busy), a_request(), turn_to_compare([FieldChange(field, "a" * 50_000, None)]):
        pass
    with (
        a_request(),
        turn_to_compare([FieldChange(field, SHORT, None), FieldChange("is_excerpt_derived", True, False)]),
    ):
        pass


def test_long_texts_are_merged_by_few_at_a_time(
    site: Client, editor: User, make_post: Callable[..., Post], now: datetime.datetime, no_place: None
) -> None:
    TEXTS._places._begin()
    post = make_post(title="A", content=LONGER)
    change = f"/admin/cms/post/{post.pk}/change/"
    mine = filled_in(site.get(change), content=LONGER[:15_000])
    update_post(actor=editor, post=post, changes={"content": SHORT}, now=now)
    while TEXTS._places.take():
        pass
    assert site.post(change, {"_continue": "1", **mine}).status_code == 503
    assert Post.objects.get().content == SHORT
    TEXTS._places._begin()
    assert "conflicts" in site.post(change, {"_continue": "1", **mine}).context


def test_while_many_send_long_texts_others_read_and_write(
    ask: Callable[[str, str], Any], client: Client, settings: Any
) -> None:
    settings.PUBLIC_CACHE_MB = 0
    held, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with a_request(), text_turn(LONG_WORK_S):
            held.set()
            assert may_end.wait(LONG_S)

    with ThreadPoolExecutor(settings.WEB_THREADS) as pool:
        crowd = [pool.submit(work) for _ in range(settings.WEB_THREADS)]
        try:
            assert held.wait(LONG_S)
            wait_until(
                lambda: (
                    sum(isinstance(each.exception(0), Busy) for each in crowd if each.done())
                    == len(crowd) - TEXT_PLACES
                )
            )
            assert client.get("/api/v2/posts").status_code == 200
            assert ask("v2 new", SHORT).status_code == 201
            assert ask("preview", LONG).status_code == 503
        finally:
            may_end.set()
    assert sum(each.exception() is None for each in crowd) == TEXT_PLACES


def test_a_thread_takes_the_turn_once() -> None:
    with a_request(), text_turn(LONG_WORK_S), text_turn(LONG_WORK_S):
        pass
    with a_request(), text_turn(LONG_WORK_S):
        pass


WIDE: Final = "|" * 200 + "\n" + "|-" * 199 + "|\n" + "a\n" * 200
"""1,000 characters that become 40,000 cells."""


@pytest.mark.parametrize("door", ["preview", slow("v2 new")])
def test_a_short_text_that_takes_long_waits_for_a_place(
    ask: Callable[[str, str], Any], door: str, no_place: None
) -> None:
    assert len(WIDE) < 1_500
    assert ask(door, WIDE).status_code == 503


@pytest.mark.parametrize("door", RENDERING)
def test_an_account_whose_text_is_worked_on_is_refused_and_others_are_not(
    ask: Callable[[str, str], Any], editor: User, door: str
) -> None:
    TEXTS._credit.spend(1_000)
    try:
        assert TEXTS._places.take(holder=editor.pk)
        assert ask(door, LONG).status_code == 503
        TEXTS._places.give_back(editor.pk)
        assert TEXTS._places.take(holder="another one")
        assert ask(door, LONG).status_code in (200, 201, 302)
    finally:
        TEXTS._begin()
        TEXTS._places._begin()


def test_a_draft_that_names_files_is_searched_for_in_a_turn(
    api: Client, editor: User, make_post: Callable[..., Post], now: datetime.datetime, no_place: None
) -> None:
    picture = f"![A](/api/v2/media/{uuid.uuid4()})"
    post = update_post(actor=editor, post=make_post(title="A", content=picture), changes={"content": "c"}, now=now)
    draft = restore_revision(actor=editor, post=post, number=1, now=now)
    path = f"/api/v2/posts/{post.pk}/revisions/{draft.number}/actions/apply"
    assert api.post(path, b"", JSON).status_code == 503
    TEXTS._places._begin()
    assert api.post(path, b"", JSON).status_code == 200


def test_pictures_and_texts_take_no_place_from_each_other() -> None:
    taken = 0
    PICTURES._credit.spend(1_000)
    try:
        while DEAR.take():
            taken += 1
        with a_request(), text_turn(LONG_WORK_S):
            pass
        with pytest.raises(Busy), a_request(), PICTURES.turn():
            pass
    finally:
        DEAR._begin()
        PICTURES._begin()
    assert taken == DEAR._count


def test_dear_work_never_takes_all_threads_nor_all_places_of_v2() -> None:
    for threads in range(6, 101):
        shares = shares_of(threads)
        assert shares.texts + shares.others < bulkhead(threads, 0), threads
        assert sum(shares) < threads - 1, threads
        assert min(shares) >= 1, threads


def test_a_process_has_the_places_of_its_threads(settings: Any) -> None:
    shares = shares_of(settings.WEB_THREADS)
    assert (PLACES, TEXTS._places._count, DEAR._count) == shares
