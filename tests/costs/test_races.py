"""A text that changes between its preparation and the lock is not rendered while others wait for the lock."""

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client

from cms.models import Post, User
from cms.search import documents
from cms.services import prepared
from cms.services.posts import update_post
from cms.services.restoring import apply_revision, restore_revision
from cms.text.turns import TEXTS
from tests.cms.admin.conftest import filled_in
from tests.cms.costs.test_turns import a_request, wait_until
from tests.costs.test_locks import under_lock

JSON: Final = "application/json"
LONG: Final = "Some words.\n\n" * 2_000
LONG_S: Final = 60


@pytest.fixture
def post(transactional_db: None, make_post: Callable[..., Post]) -> Post:
    return make_post(title="A", content="b")


@pytest.fixture
def ask(editor: User, client_of: Callable[[User], Client], post: Post) -> Callable[[str], Callable[[], Any]]:
    """`ask(door)`: a request that gives the post a long text."""
    site, api = Client(), client_of(editor)
    site.force_login(editor)
    change, path = f"/admin/cms/post/{post.pk}/change/", f"/api/v2/posts/{post.pk}"
    form = {"_continue": "1", **filled_in(site.get(change), content=LONG)}
    doors: dict[str, Callable[[], Any]] = {
        "v1": lambda: api.put(f"/api/v1/posts/{post.pk}", {"content": LONG}, JSON),
        "v2": lambda: api.patch(path, {"content": LONG}, JSON),
        "v2 unless changed": lambda: api.patch(path, {"content": LONG}, JSON, headers={"If-Match": "*"}),
        "form": lambda: site.post(change, form),
    }
    return lambda door: doors[door]


@pytest.mark.parametrize("door", ["v1", "v2", "v2 unless changed", "form"])
def test_a_change_whose_post_changes_while_it_waits_for_its_turn(
    *,
    ask: Callable[[str], Callable[[], Any]],
    door: str,
    editor: User,
    post: Post,
    now: datetime.datetime,
    rendered_under_lock: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysed_under_lock = under_lock(monkeypatch, documents, "analyse_content")

    def send() -> Any:
        try:
            return ask(door)()
        finally:
            connection.close()
            if connection.connection is not None:  # Django leaves a database in memory open
                connection.connection.close()

    ask(door)  # signed in, before others write
    free = TEXTS._places._free._value
    with ThreadPoolExecutor(1) as pool:
        with TEXTS.turn():
            answer = pool.submit(send)
            wait_until(lambda: TEXTS._places._free._value == free - 1)
            update_post(actor=editor, post=post, changes={"language": "de"}, now=now)
            del analysed_under_lock[:]
        assert answer.result(LONG_S).status_code in (200, 302)
    post = Post.objects.get()
    assert (post.content.strip(), post.language) == (LONG.strip(), "de")
    assert True not in rendered_under_lock
    assert analysed_under_lock == []


@pytest.mark.parametrize("changes", [{"title": "B"}, {"excerpt": "B"}, {"language": "de"}])
def test_a_change_of_a_post_whose_text_has_become_long(
    *, editor: User, post: Post, now: datetime.datetime, changes: Any, rendered_under_lock: list[bool], monkeypatch: Any
) -> None:
    update_post(actor=editor, post=Post.objects.get(), changes={"content": LONG}, now=now)
    analysed_under_lock = [under_lock(monkeypatch, module, "analyse_content") for module in (documents, prepared)]
    update_post(actor=editor, post=post, changes=changes, now=now)
    assert Post.objects.get().content == LONG
    assert True not in rendered_under_lock
    assert not any(True in each for each in analysed_under_lock)


def test_a_draft_that_became_another_one_before_it_was_applied(
    editor: User, post: Post, now: datetime.datetime, rendered_under_lock: list[bool]
) -> None:
    update_post(actor=editor, post=post, changes={"content": LONG}, now=now)
    update_post(actor=editor, post=post, changes={"content": "c"}, now=now)
    draft = restore_revision(actor=editor, post=post, number=2, now=now)
    apply_revision(actor=editor, post=post, number=draft.number, now=now)
    assert Post.objects.get().content == LONG
    assert True not in rendered_under_lock


def test_a_post_that_changes_each_time_is_refused_as_busy(post: Post) -> None:
    begun: list[int] = []

    @prepared.beginning_again
    def change() -> None:
        begun.append(len(begun))
        raise prepared.TextChanged((f"{LONG}{len(begun)}", "markdown", "en"))

    with pytest.raises(prepared.TextChanged), a_request():
        change()
    assert begun == [0, 1, 2]
