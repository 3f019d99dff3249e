"""A moderator approves the text that the page has shown, and no other."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import Comment, Post, User
from cms.services.comments import create_comment, edit_comment

LIST = "/admin/cms/comment/"
EDITED = "The comment was edited after you loaded this page. Look at it again."
EDITION = re.compile(r'name="(edition-[0-9a-f-]+)" value="(\d*)"')


@pytest.fixture(params=[True, False], ids=["reviewed", "unreviewed"])
def client(request: pytest.FixtureRequest, settings: Any, editor: User, signed_in: Callable[[User], Client]) -> Client:
    settings.COMMENT_EDITS_NEED_REVIEW = request.param
    return signed_in(editor)


@pytest.fixture
def write(make_post: Callable[..., Post], make_user: Callable[..., User]) -> Callable[[str], Comment]:
    post, reader = make_post(), make_user()
    return lambda text: create_comment(actor=reader, post=post, fields={"text": text}, now=timezone.now())


def edit(comment: Comment, text: str = "Buy pills") -> None:
    assert comment.author is not None
    edit_comment(actor=comment.author, comment=comment, text=text, now=timezone.now())


def loaded(client: Client) -> dict[str, str]:
    """Return what the page of the cards sends of itself."""
    return dict(EDITION.findall(client.get(LIST).content.decode()))


def statuses() -> dict[str, str]:
    return dict(Comment.objects.filter(parent=None).values_list("text", "status"))


@pytest.mark.parametrize("change", ["approve", "reply"])
def test_a_comment_edited_since_stays_pending_and_is_shown_again(
    client: Client, write: Callable[[str], Comment], change: str
) -> None:
    comment = write("Nice post")
    address, fields = f"{LIST}{comment.pk}/decide/", {"change": change, f"reply-{comment.pk}": "Thank you."}
    for text in ("Buy pills", "Buy more pills"):
        page = loaded(client)
        edit(comment, text)
        shown = client.post(address, {**page, **fields}, follow=True).content.decode()
        assert EDITED in shown
        assert text in shown
        assert statuses() == {text: "pending"}
    assert Comment.objects.count() == 1
    client.post(address, {**loaded(client), **fields})
    assert statuses() == {"Buy more pills": "published"}


def test_a_card_without_its_edition_approves_what_was_never_edited(
    client: Client, write: Callable[[str], Comment]
) -> None:
    edited, other = write("Nice post"), write("Me too")
    edit(edited)
    for comment in (edited, other):
        client.post(f"{LIST}{comment.pk}/decide/", {"change": "approve"})
    assert statuses() == {"Buy pills": "pending", "Me too": "published"}


def test_the_script_is_told_that_the_page_is_out_of_date(client: Client, write: Callable[[str], Comment]) -> None:
    comment, page = write("Nice post"), {"change": "approve", **loaded(client)}
    edit(comment)
    answer = client.post(f"{LIST}{comment.pk}/decide/", page, headers={"X-Requested-With": "fetch"})
    assert (answer.status_code, answer.content.decode()) == (409, EDITED)


def test_a_comment_edited_since_may_be_rejected(client: Client, write: Callable[[str], Comment]) -> None:
    comment, page = write("Nice post"), {"change": "reject", **loaded(client)}
    edit(comment)
    client.post(f"{LIST}{comment.pk}/decide/", page)
    assert statuses() == {"Buy pills": "rejected"}


def test_a_bulk_approval_leaves_out_what_was_edited_since(
    client: Client, write: Callable[[str], Comment], run_action: Callable[..., list[str]]
) -> None:
    before, since, never = (write(text) for text in ("Before", "Since", "Never"))
    edit(before, "Read")
    page = loaded(client)
    edit(since)
    said = run_action(client, LIST, "approve_selected", [before, since, never], **page)
    assert sorted(said) == ["2 comments approved.", f"Buy pills: {EDITED}"]
    assert statuses() == {"Read": "published", "Buy pills": "pending", "Never": "published"}


def test_selecting_all_approves_what_no_page_has_shown_but_not_another_text_than_was_shown(
    client: Client, write: Callable[[str], Comment], run_action: Callable[..., list[str]]
) -> None:
    shown, elsewhere = write("Shown"), write("Elsewhere")
    edit(elsewhere, "On the next page")
    page = loaded(client)
    del page[f"edition-{elsewhere.pk}"]
    edit(shown)
    run_action(client, LIST, "approve_selected", [shown], select_across="1", **page)
    assert statuses() == {"Buy pills": "pending", "On the next page": "published"}


def test_the_button_of_a_comments_own_page_approves_the_text_of_that_page(
    client: Client, write: Callable[[str], Comment]
) -> None:
    comment = write("Nice post")
    address = f"{LIST}{comment.pk}/change/"
    for text in ("Buy pills", "Buy more pills"):
        button = _approve_of(client.get(address))
        edit(comment, text)
        assert EDITED in client.post(button, {"_form_submitted": "on"}, follow=True).content.decode()
        assert statuses() == {text: "pending"}
    client.post(_approve_of(client.get(address)), {"_form_submitted": "on"})
    assert statuses() == {"Buy more pills": "published"}


def test_a_form_shown_once_more_has_not_shown_what_was_edited_since(
    client: Client, write: Callable[[str], Comment]
) -> None:
    comment = write("Nice post")
    edit(comment)
    shown = client.post(f"{LIST}{comment.pk}/change/", {"text": ""})
    client.post(_approve_of(shown), {"_form_submitted": "on"})
    assert statuses() == {"Buy pills": "pending"}


def _approve_of(page: Any) -> str:
    [path] = [each["path"] for each in page.context["actions_detail"] if "/approve/" in each["path"]]
    assert f'"{path}"' in page.content.decode()
    return str(path)
