"""Comments as cards: each button is a form, and the list stays where it is."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.models import AuditEvent, Comment, Post, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment, edit_comment
from tests.cms.admin.conftest import filled_in

LIST = "/admin/cms/comment/"


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


@pytest.fixture
def post(make_post: Callable[..., Post]) -> Post:
    return make_post(title="Letters")


@pytest.fixture
def write(post: Post, make_user: Callable[..., User]) -> Callable[..., Comment]:
    """`write("Text", by=user, status="spam", parent=…)`: a pending comment unless said otherwise."""

    def make(text: str = "Words", *, by: User | None = None, **fields: Any) -> Comment:
        values = {"text": text, "status": "pending", "author": by or make_user(), **fields}
        return create_comment(actor=SYSTEM, post=post, fields=values, now=timezone.now())  # type: ignore[arg-type]

    return make


def decide(client: Client, comment: Comment, change: str, query: str = "", **more: Any) -> Any:
    return client.post(f"{LIST}{comment.pk}/decide/{query}", {"change": change, **more})


def cards(client: Client, query: str = "") -> list[Any]:
    found: list[Any] = client.get(f"{LIST}{query}").context["cl"].cards
    return found


def test_a_card_shows_the_thread_above_and_the_history_of_its_writer(
    client: Client, write: Callable[..., Comment], make_user: Callable[..., User]
) -> None:
    mia = make_user(username="mia")
    first = write("The first", by=mia, status="published")
    second = write("The second", status="published", parent=first)
    write("Buy watches", by=mia, status="spam")
    write("The third", by=mia, parent=second)
    [card] = cards(client)
    assert [above.text for above in card.thread] == ["The first", "The second"]
    assert card.writer == ("mia", False, 1, 1, mia.created_at)
    page = client.get(LIST).content.decode()
    assert "Letters" in page
    assert "1 earlier comment" in page


def test_a_guest_has_a_history_by_the_address_that_no_page_shows(
    client: Client, write: Callable[..., Comment], make_user: Callable[..., User]
) -> None:
    guest = {"author": None, "author_name": "Grace", "author_email": "grace@example.org"}
    first = write("Earlier", status="published", **guest)
    write("Now", **guest)
    write("Another", author=None, author_name="Nobody")
    nobody, grace = cards(client)
    assert grace.writer == ("Grace", True, 1, 0, first.created_at)
    assert nobody.writer == ("Nobody", True, 0, 0, None)
    assert "grace@example.org" not in client.get(LIST).content.decode()


@pytest.mark.parametrize(("change", "status"), [("approve", "published"), ("reject", "rejected"), ("spam", "spam")])
def test_a_button_decides_and_leads_back_to_the_list_as_it_was(
    client: Client, write: Callable[..., Comment], change: str, status: str
) -> None:
    comment, other = write(), write("Words that wait")
    answer = decide(client, comment, change, "?q=Words")
    assert answer.headers["Location"] == f"{LIST}?q=Words"
    page = client.get(answer.headers["Location"])
    assert [card.comment.pk for card in page.context["cl"].cards] == [other.pk]
    comment.refresh_from_db()
    assert comment.status == status


def test_the_last_decision_can_be_undone_for_ten_seconds(client: Client, write: Callable[..., Comment]) -> None:
    comment = write()
    decide(client, comment, "spam")
    undo = client.get(LIST).context["undoable"]
    assert (undo.sentence, undo.ids) == ("1 comment was marked as spam.", [comment.pk])
    assert 0 < undo.left_ms <= 10_000
    client.post(f"{LIST}undo/", {"comment": undo.ids})
    page = client.get(LIST)
    assert [card.comment.status for card in page.context["cl"].cards] == ["pending"]
    assert page.context["undoable"] is None
    AuditEvent.objects.update(created_at=timezone.now() - datetime.timedelta(minutes=1))
    refused = client.post(f"{LIST}undo/", {"comment": [str(comment.pk)]}, follow=True)
    assert "can&#x27;t be undone any more" in refused.content.decode()


def test_a_bulk_decision_is_undone_as_a_whole(
    client: Client, write: Callable[..., Comment], run_action: Callable[..., list[str]]
) -> None:
    comments = [write() for _ in range(3)]
    run_action(client, LIST, "reject_selected", comments)
    undo = client.get(LIST).context["undoable"]
    assert undo.sentence == "3 comments were rejected."
    client.post(f"{LIST}undo/", {"comment": undo.ids})
    assert set(Comment.objects.values_list("status", flat=True)) == {"pending"}


def test_a_reply_is_published_and_approves_what_it_answers(
    client: Client, write: Callable[..., Comment], editor: User
) -> None:
    comment = write()
    decide(client, comment, "reply", **{f"reply-{comment.pk}": "Thank\r\nyou."})
    comment.refresh_from_db()
    reply = Comment.objects.get(parent=comment)
    assert (comment.status, reply.status, reply.text) == ("published", "published", "Thank\nyou.")
    assert reply.author_id == editor.pk


def test_an_empty_reply_changes_nothing_and_keeps_the_page(client: Client, write: Callable[..., Comment]) -> None:
    comment = write()
    address, data = f"{LIST}{comment.pk}/decide/", {"change": "reply", f"reply-{comment.pk}": " "}
    assert client.post(address, data, headers={"X-Requested-With": "fetch"}).status_code == 422
    assert "text: " in client.post(address, data, follow=True).content.decode()
    assert Comment.objects.get().status == "pending"


def test_the_menu_counts_what_waits_and_only_moderators_see_it(
    client: Client, write: Callable[..., Comment], author: User, signed_in: Callable[[User], Client]
) -> None:
    comment = write()
    write()
    assert _badge(client) == "2"
    decide(client, comment, "approve")
    assert _badge(client) == "1"
    for address in (LIST, f"{LIST}{comment.pk}/decide/", f"{LIST}undo/"):
        assert signed_in(author).post(address, {"change": "spam"}).status_code == 403


def _badge(client: Client) -> str:
    groups = client.get(LIST).context["sidebar_navigation"]
    [badge] = [item["badge"] for group in groups for item in group["items"] if "badge" in item]
    return str(badge)


def test_the_list_falls_back_when_its_last_page_is_decided(client: Client, write: Callable[..., Comment]) -> None:
    for _ in range(21):
        write()
    [last] = cards(client, "?p=2")
    answer = decide(client, last.comment, "approve", "?p=2")
    assert len(client.get(answer.headers["Location"]).context["cl"].cards) == 20


def test_cards_take_the_same_queries_for_two_and_for_twenty(client: Client, write: Callable[..., Comment]) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{LIST}?status__exact=all").status_code == 200
        return len(queries)

    parent = write(status="published")
    write(parent=parent)
    before = count()
    for number in range(9):
        write(parent=parent)
        write(author=None, author_name="Guest", author_email=f"{number}@example.org")
    assert count() == before <= 10


def test_tokens_are_asked_for(editor: User, write: Callable[..., Comment]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)
    assert decide(client, write(), "spam").status_code == 403


def test_a_search_finds_texts_guests_writers_and_titles_by_each_word(
    client: Client, write: Callable[..., Comment], make_user: Callable[..., User]
) -> None:
    mia = write("About blue ink", by=make_user(username="mia"))
    guest = write("Blue paper", author=None, author_name="Gil Blue", author_email="gil@example.org")
    found = {
        words: {card.comment.pk for card in cards(client, f"?q={words}")}
        for words in ("MIA", "gil", "letters", "blue", "blue mia", '"blue ink"', "'ink blue'", "nowhere letters")
    }
    both = {mia.pk, guest.pk}
    assert found == {
        "MIA": {mia.pk},
        "gil": {guest.pk},
        "letters": both,
        "blue": both,
        "blue mia": {mia.pk},
        '"blue ink"': {mia.pk},
        "'ink blue'": set(),
        "nowhere letters": set(),
    }


def test_a_stale_form_does_not_replace_a_text_that_its_moderator_has_not_read(
    client: Client, editor: User, write: Callable[..., Comment], now: Any
) -> None:
    comment = write("First.")
    address = f"{LIST}{comment.pk}/change/"
    sent = filled_in(client.get(address), text="Moderated.")
    edit_comment(actor=editor, comment=comment, text="Corrected.", now=now)
    page = client.post(address, sent)
    assert "The comment was edited after you loaded this page. Look at it again." in page.content.decode()
    comment.refresh_from_db()
    assert comment.text == "Corrected."
    assert client.post(address, filled_in(client.get(address), text="Moderated.")).status_code == 302
    comment.refresh_from_db()
    assert comment.text == "Moderated."
