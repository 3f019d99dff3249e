"""The trash as a list: Undo, the way back, and the end, which is for admins."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import AuditEvent, Post, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment
from cms.services.post_states import trash_post

POSTS = "/admin/cms/post/"
TRASH = f"{POSTS}?state=trashed&kind=all"
SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


@pytest.fixture
def trashed(make_post: Callable[..., Post]) -> Post:
    return trash_post(actor=SYSTEM, post=make_post(title="Old letters"), now=timezone.now())


def _undo(client: Client, page: Any, **more: str) -> Any:
    event = page.context["undoable"].event
    return client.post(f"{POSTS}undo-trash/", {"event": str(event.pk), **more}, follow=True)


def test_posts_moved_to_the_trash_together_come_back_together(
    client: Client, make_post: Callable[..., Post], run_action: Callable[..., list[str]]
) -> None:
    posts = [make_post(title="One"), make_post(title="Two", is_published=False)]
    run_action(client, POSTS, "trash_selected", posts)
    page = client.get(POSTS)
    assert page.context["undoable"].sentence == "2 posts were moved to the trash."
    assert 9_000 < page.context["undoable"].left_ms <= 10_000
    page = _undo(client, page)
    assert [str(message) for message in page.context["messages"]] == ["2 posts restored."]
    assert page.context["undoable"] is None
    assert set(Post.objects.values_list("title", "status")) == {("One", "published"), ("Two", "draft")}


def test_a_post_moved_to_the_trash_by_its_button_comes_back_on_its_page(
    client: Client, make_post: Callable[..., Post]
) -> None:
    post = make_post()
    page = client.post(f"{POSTS}{post.pk}/trash/", SUBMITTED, follow=True)
    assert "in the trash" in page.content.decode()
    page = _undo(client, page, from_form="1")
    assert page.redirect_chain == [(f"{POSTS}{post.pk}/change/", 302)]
    post.refresh_from_db()
    assert post.status == "published"


def test_undo_of_another_move_than_the_page_has_shown_changes_nothing(
    client: Client, make_post: Callable[..., Post]
) -> None:
    first, second = make_post(), make_post()
    page = client.post(f"{POSTS}{first.pk}/trash/", SUBMITTED, follow=True)
    client.post(f"{POSTS}{second.pk}/trash/", SUBMITTED)
    assert "can&#x27;t be undone any more" in _undo(client, page).content.decode()
    assert Post.objects.filter(status="trashed").count() == 2


def test_the_trash_is_a_list_with_the_way_back(client: Client, trashed: Post, make_post: Callable[..., Post]) -> None:
    make_post()
    page = client.get(TRASH)
    assert [post.pk for post in page.context["cl"].result_list] == [trashed.pk]
    assert [name for name, _ in page.context["action_form"].fields["action"].choices] == ["", "restore_selected"]
    assert "Delete for ever" not in page.content.decode()
    answer = client.post(f"{POSTS}{trashed.pk}/bring-out/")
    assert answer.headers["Location"] == TRASH
    trashed.refresh_from_db()
    assert trashed.status == "published"


def test_an_admin_deletes_for_ever_after_a_page_that_names_what_goes(
    admin: User, signed_in: Callable[[User], Client], trashed: Post
) -> None:
    client = signed_in(admin)
    create_comment(actor=admin, post=trashed, fields={"text": "Well said."}, now=timezone.now())
    page = client.get(TRASH).content.decode()
    assert f"{POSTS}{trashed.pk}/purge/" in page
    asked = client.get(f"{POSTS}{trashed.pk}/purge/").content.decode()
    assert "“Delete for ever” for 1 post:" in asked
    assert "Old letters" in asked
    assert "1 comment is deleted too." in asked
    assert client.post(f"{POSTS}{trashed.pk}/purge/", {"confirmed": "2"}).status_code == 200
    assert client.post(f"{POSTS}{trashed.pk}/purge/", {"confirmed": "1"}).headers["Location"] == TRASH
    assert not Post.objects.exists()
    assert AuditEvent.objects.get(action="post.deleted").actor == admin


def test_an_admin_deletes_several_for_ever(
    admin: User, signed_in: Callable[[User], Client], make_post: Callable[..., Post], run_action: Any
) -> None:
    posts = [trash_post(actor=SYSTEM, post=make_post(), now=timezone.now()) for _ in range(2)]
    assert run_action(signed_in(admin), TRASH, "purge_selected", posts) == ["2 posts deleted for ever."]
    assert not Post.objects.exists()


def test_nobody_else_deletes_for_ever(client: Client, trashed: Post, run_action: Callable[..., list[str]]) -> None:
    assert client.get(f"{POSTS}{trashed.pk}/purge/").status_code == 403
    assert client.post(f"{POSTS}{trashed.pk}/purge/", {"confirmed": "1"}).status_code == 403
    run_action(client, TRASH, "purge_selected", [trashed])
    page = client.get(f"{POSTS}{trashed.pk}/change/")
    assert [action["title"] for action in page.context["actions_detail"]] == ["Restore", "Revisions"]
    assert Post.objects.get().status == "trashed"


def test_an_author_brings_back_own_posts_alone(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], trashed: Post
) -> None:
    stranger = signed_in(make_user("author"))
    assert stranger.post(f"{POSTS}{trashed.pk}/bring-out/").status_code == 404
    assert signed_in(trashed.author).post(f"{POSTS}{trashed.pk}/bring-out/").status_code == 302
