import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import AuditEvent, Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment
from cms.services.post_states import archive_post

SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


def _press(client: Client, row: Any, name: str, **values: str) -> Any:
    return client.post(f"/admin/cms/{row._meta.model_name}/{row.pk}/{name}/", {**SUBMITTED, **values})


def test_publishing_selected_posts_counts_their_tags_and_tells_what_was_refused(
    client: Client, make_post: Callable[..., Post], run_action: Callable[..., list[str]]
) -> None:
    drafts = [make_post(title=f"Draft {n}", tags=["letters"], is_published=False) for n in range(2)]
    archived = make_post(title="Old")
    archive_post(actor=SYSTEM, post=archived, now=timezone.now())
    said = run_action(client, "/admin/cms/post/", "publish_selected", [drafts[0], archived, drafts[1]])
    assert said[0] == "2 posts published."
    assert said[1].startswith("Old: A post can't go from archived to published")
    assert Tag.objects.get().usage_count == 2
    assert AuditEvent.objects.filter(action="post.published", object_id=drafts[0].pk).count() == 1


def test_a_post_goes_through_its_states_by_the_buttons_of_its_page(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post(is_published=False)
    seen = []
    for name in ("publish", "unpublish", "archive", "restore", "publish", "trash", "restore"):
        page = f"/admin/cms/post/{post.pk}/change/"
        response = send_form(client, page, button="_publish") if name == "publish" else _press(client, post, name)
        assert response.headers["Location"] == f"/admin/cms/post/{post.pk}/change/"
        post.refresh_from_db()
        seen.append(post.status)
    assert seen == ["published", "draft", "archived", "draft", "published", "trashed", "published"]


def test_a_button_offers_only_what_the_state_allows(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post()
    page = client.get(f"/admin/cms/post/{post.pk}/change/")
    assert [action["title"] for action in page.context["actions_detail"]] == [
        "Unpublish",
        "Archive",
        "Move to trash",
        "Revisions",
    ]


def test_opening_the_dialog_of_a_button_changes_nothing(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post()
    assert client.get(f"/admin/cms/post/{post.pk}/trash/").status_code == 200
    assert client.post(f"/admin/cms/post/{post.pk}/trash/", {}).status_code == 200
    post.refresh_from_db()
    assert post.status == "published"


def test_a_button_needs_the_csrf_token(editor: User, make_post: Callable[..., Post]) -> None:
    post, client = make_post(), Client(enforce_csrf_checks=True)
    client.force_login(editor)
    assert _press(client, post, "trash").status_code == 403


def test_a_refused_button_says_so(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post(is_published=False)
    _press(client, post, "unpublish")
    page = client.get(f"/admin/cms/post/{post.pk}/change/")
    assert "can&#x27;t go from draft to draft" in page.content.decode()


def test_publishing_at_a_time_still_to_come_schedules_the_post(
    client: Client, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    post = make_post(is_published=False, tags=["letters"])
    send_form(client, f"/admin/cms/post/{post.pk}/change/", button="_publish", publish_at="2199-01-02T03:04")
    post.refresh_from_db()
    assert post.published_at == datetime.datetime(2199, 1, 2, 3, 4, tzinfo=datetime.UTC)
    assert post.is_scheduled(timezone.now())
    assert Tag.objects.get().usage_count == 0
    page = client.get("/admin/cms/post/?state=scheduled")
    assert "was scheduled for 2199-01-02 03:04 UTC" in page.content.decode()
    assert [row.pk for row in page.context["cl"].result_list] == [post.pk]
    assert "scheduled" in page.content.decode()


def test_a_dialog_in_the_background_is_told_where_to_go(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post()
    address = f"/admin/cms/post/{post.pk}/archive/"
    response = client.post(address, SUBMITTED, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, f"/admin/cms/post/{post.pk}/change/")


def test_trash_is_out_of_the_list_until_asked_for(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post()
    _press(client, post, "trash")
    assert client.get("/admin/cms/post/").context["cl"].result_count == 0
    assert client.get("/admin/cms/post/?state=trashed").context["cl"].result_count == 1


# -- comments ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def comment(make_user: Callable[..., User], make_post: Callable[..., Post]) -> Comment:
    fields = {"text": "Thank you for this."}
    return create_comment(actor=make_user("subscriber"), post=make_post(), fields=fields, now=timezone.now())


@pytest.mark.parametrize(("name", "status"), [("approve", "published"), ("reject", "rejected"), ("spam", "spam")])
def test_a_waiting_comment_is_moderated_by_button_and_by_action(
    client: Client, comment: Comment, run_action: Callable[..., list[str]], name: str, status: str
) -> None:
    other = create_comment(actor=comment.author, post=comment.post, fields={"text": "Me too."}, now=timezone.now())
    _press(client, comment, name)
    run_action(client, "/admin/cms/comment/", f"{name}_selected", [other])
    assert set(Comment.objects.values_list("status", flat=True)) == {status}
    action = {"approve": "comment.published", "reject": "comment.rejected", "spam": "comment.spam"}[name]
    assert AuditEvent.objects.filter(object_type="comment", action=action).count() == 2


def test_deleting_comments_asks_first_then_keeps_the_row_without_its_text(
    client: Client, comment: Comment, run_action: Callable[..., list[str]]
) -> None:
    client.post("/admin/cms/comment/", {"action": "delete_selected", "_selected_action": [str(comment.pk)]})
    comment.refresh_from_db()
    assert comment.status == "pending"
    said = run_action(client, "/admin/cms/comment/", "delete_selected", [comment])
    comment.refresh_from_db()
    assert (said, comment.status, comment.text) == (["1 comment deleted."], "deleted", "")


def test_the_delete_page_of_a_comment_does_the_same(client: Client, comment: Comment) -> None:
    address = f"/admin/cms/comment/{comment.pk}/delete/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"post": "yes"}).status_code == 302
    comment.refresh_from_db()
    assert comment.status == "deleted"


def test_a_moderator_edits_a_comment(client: Client, comment: Comment, send_form: Callable[..., Any]) -> None:
    send_form(client, f"/admin/cms/comment/{comment.pk}/change/", text="Thank you.")
    comment.refresh_from_db()
    assert comment.text == "Thank you."
    assert comment.edited_at is not None
    page = send_form(client, f"/admin/cms/comment/{comment.pk}/change/", text=" ")
    assert "empty" in str(page.context["adminform"].form.errors["text"])


def test_a_guest_comment_is_listed_by_its_writers_name(client: Client, make_post: Callable[..., Post]) -> None:
    fields = {"text": "Hello", "author_name": "Grace", "status": "pending"}
    create_comment(actor=SYSTEM, post=make_post(), fields=fields, now=timezone.now())
    page = client.get("/admin/cms/comment/")
    assert [card.writer[:2] for card in page.context["cl"].cards] == [("Grace", True)]


def test_a_deleted_comment_is_gone_from_the_list_and_its_answer_says_what_it_answers(
    client: Client, comment: Comment, editor: User
) -> None:
    fields = {"text": "You are welcome.", "parent": comment}
    answer = create_comment(actor=editor, post=comment.post, fields=fields, now=timezone.now())
    client.post(f"/admin/cms/comment/{comment.pk}/delete/", {"post": "yes"})
    page = client.get("/admin/cms/comment/?status__exact=all")
    assert [row.pk for row in page.context["cl"].result_list] == [answer.pk]
    assert "a deleted comment" in client.get(f"/admin/cms/comment/{answer.pk}/change/").content.decode()
