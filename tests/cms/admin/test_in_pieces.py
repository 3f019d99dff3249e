"""An action on all rows of a list is done in pieces. Each begins where the last one ended, whatever it met there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.admin import each
from cms.models import Category, Comment, Post, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.posts import update_post

POSTS, USERS, LEFT = "/admin/cms/post/", "/admin/cms/user/", "left for lack of time"


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(each, "ENOUGH_S", 0.0)


def choose_for_all(client: Client, address: str, action: str, **more: str) -> Any:
    """Choose the action for all rows of the list at this address, as its page does, and confirm it."""
    rows = client.get(address).context["cl"].queryset
    selected = [str(row.pk) for row in rows[:1]]
    sent = {"action": action, "_selected_action": selected, "select_across": "1", "confirmed": str(rows.count())}
    return client.post(address, {**sent, **more})


def choose_until_done(client: Client, address: str, action: str, most: int, **more: str) -> str:
    """Choose the action again for what is left; return the address of the list to which the last piece leads."""
    for _ in range(most):
        address = choose_for_all(client, address, action, **more).headers["Location"]
        if LEFT not in client.get(address).content.decode():
            return address
    pytest.fail(f"rows are left after {most} pieces")


def test_refused_rows_take_no_place_of_others(
    client: Client, make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(each, "ROWS_MAX", 2)
    for number in range(7):
        make_post(title=f"Letter {number}", is_published=number < 2)
    said = client.get(choose_for_all(client, POSTS, "unpublish_selected").headers["Location"]).content.decode()
    assert set(Post.objects.values_list("status", flat=True)) == {"draft"}
    assert "2 posts unpublished." in said
    assert LEFT not in said


def test_many_refusals_are_counted_and_the_first_are_told(client: Client, make_post: Callable[..., Post]) -> None:
    for number in range(each.SHOWN_REFUSALS + 2):
        make_post(title=f"Letter {number}", is_published=False)
    said = client.get(choose_for_all(client, POSTS, "unpublish_selected").headers["Location"]).content.decode()
    assert "2 more were refused." in said
    assert LEFT not in said


@pytest.mark.usefixtures("one_at_a_time")
def test_posts_behind_refused_ones_have_their_turn(client: Client, make_post: Callable[..., Post]) -> None:
    for number in range(5):
        make_post(title=f"Letter {number}", is_published=number < 2)
    assert choose_until_done(client, POSTS, "unpublish_selected", most=5) == POSTS
    assert set(Post.objects.values_list("status", flat=True)) == {"draft"}


@pytest.mark.usefixtures("one_at_a_time")
def test_the_list_shows_what_is_left_within_its_filters(client: Client, make_post: Callable[..., Post]) -> None:
    posts = [make_post(title=f"Letter {number}", language="de", is_published=False) for number in range(4)]
    make_post(language="en")
    at = choose_for_all(client, f"{POSTS}?language=de&p=1", "unpublish_selected").headers["Location"]
    page = client.get(at)
    assert "The list shows only the rows that are left." in page.content.decode()
    assert [row.pk for row in page.context["cl"].queryset] == [post.pk for post in reversed(posts[:3])]
    assert choose_until_done(client, at, "unpublish_selected", most=3) == f"{POSTS}?language=de"


@pytest.mark.usefixtures("one_at_a_time")
def test_rows_that_come_meanwhile_are_no_part_of_what_is_left(client: Client, make_post: Callable[..., Post]) -> None:
    for number in range(2):
        make_post(title=f"Letter {number}", is_published=False)
    at = choose_for_all(client, POSTS, "unpublish_selected").headers["Location"]
    newest = make_post(title="Written meanwhile")
    assert choose_until_done(client, at, "unpublish_selected", most=1) == POSTS
    newest.refresh_from_db()
    assert newest.status == "published"


@pytest.mark.usefixtures("one_at_a_time")
def test_selected_rows_that_are_left_stay_in_the_whole_list(client: Client, make_post: Callable[..., Post]) -> None:
    rows = [str(make_post(title=f"Letter {number}").pk) for number in range(3)]
    answer = client.post(POSTS, {"action": "archive_selected", "_selected_action": rows, "confirmed": "3"})
    assert answer.headers["Location"] == POSTS


@pytest.mark.usefixtures("one_at_a_time")
def test_users_behind_those_that_are_as_they_should_be_have_their_turn(
    client: Client, admin: User, make_user: Callable[..., User]
) -> None:
    for number in range(4):
        make_user("author", is_active=number < 2)
    others = User.objects.exclude(pk=admin.pk)
    choose_until_done(client, f"{USERS}?role__exact=author", "suspend_selected", most=4)
    assert not others.filter(role="author", is_active=True).exists()


@pytest.mark.usefixtures("one_at_a_time")
def test_comments_behind_refused_ones_have_their_turn(
    client: Client, admin: User, make_post: Callable[..., Post]
) -> None:
    post = make_post()
    for number, status in enumerate(["pending", "pending", "spam", "rejected"]):
        fields: Any = {"text": f"Words {number}", "status": status, "author": admin, "created_at": timezone.now()}
        create_comment(actor=SYSTEM, post=post, fields=fields, now=timezone.now())
    choose_until_done(client, "/admin/cms/comment/?status__exact=all", "reject_selected", most=4)
    assert not Comment.objects.filter(status="pending").exists()


@pytest.mark.usefixtures("one_at_a_time")
@pytest.mark.parametrize(("action", "more"), [("delete_selected", {}), ("move_selected", {"target": "top"})])
def test_categories_behind_those_that_stay_have_their_turn(
    client: Client, make_post: Callable[..., Post], action: str, more: dict[str, str]
) -> None:
    now = timezone.now()
    rows = [create_category(actor=SYSTEM, fields={"name": f"Ink {number}"}, now=now) for number in range(4)]
    update_post(actor=SYSTEM, post=make_post(), changes={"categories": rows[2:]}, now=now)
    choose_until_done(client, "/admin/cms/category/", action, most=4, **more)
    assert set(Category.objects.all()) == set(rows[2:] if action == "delete_selected" else rows)
