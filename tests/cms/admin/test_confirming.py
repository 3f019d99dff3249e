"""An action of a list names what it changes and how many, before it changes anything."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site as admin_site
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from cms.admin import each
from cms.admin.dialogs import SHOWN_NAMES
from cms.models import AuditEvent, Category, Comment, MediaFile, Post, Redirect, Tag, User, Webhook
from cms.text.turns import TEXTS

POSTS, USERS, TAGS = "/admin/cms/post/", "/admin/cms/user/", "/admin/cms/tag/"


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


def ask(client: Client, address: str, action: str, rows: list[Any], **more: str) -> Any:
    return client.post(address, {"action": action, "_selected_action": [str(row.pk) for row in rows], **more})


def _tags(count: int) -> list[Tag]:
    names = [f"ink {number:05}" for number in range(count)]
    return Tag.objects.bulk_create(Tag(name=name, name_key=name, slug=name.replace(" ", "-")) for name in names)


def test_the_page_names_what_and_how_many_and_changes_nothing(client: Client, make_post: Callable[..., Post]) -> None:
    posts = [make_post(title=f"Letter {number}") for number in range(2)]
    page = ask(client, POSTS, "trash_selected", posts).content.decode()
    assert "“Move to trash” for 2 posts:" in page
    assert all(post.title in page for post in posts)
    assert set(Post.objects.values_list("status", flat=True)) == {"published"}


def test_what_the_page_sends_runs_the_action(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post(language="de")
    page = ask(client, f"{POSTS}?language=de", "archive_selected", [post])
    sent = {**dict(page.context["sent"]), "confirmed": page.context["count"]}
    answer = client.post(page.context["list_url"], sent)
    assert answer.headers["Location"] == f"{POSTS}?language=de"
    assert Post.objects.get().status == "archived"


def test_more_rows_than_were_named_are_asked_for_again(client: Client, make_post: Callable[..., Post]) -> None:
    first, _ = make_post(title="One"), make_post(title="Another since")
    page = ask(client, POSTS, "trash_selected", [first], select_across="1", confirmed="1")
    assert "for 2 posts:" in page.content.decode()
    assert ask(client, POSTS, "trash_selected", [first], select_across="1", confirmed="2").status_code == 302
    assert set(Post.objects.values_list("status", flat=True)) == {"trashed"}


@pytest.mark.parametrize(("bound", "value", "done"), [("ENOUGH_S", 0.0, 1), ("ROWS_MAX", 2, 2)])
def test_what_one_request_has_no_time_for_is_left_and_said(
    client: Client, make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch, bound: str, value: float, done: int
) -> None:
    posts = [make_post(title=f"Letter {number}") for number in range(3)]
    monkeypatch.setattr(each, bound, value)
    answer = ask(client, POSTS, "archive_selected", posts, confirmed="3")
    assert Post.objects.filter(status="archived").count() == done
    said = client.get(answer.headers["Location"]).content.decode()
    assert f"{3 - done} left for lack of time" in said


def test_an_account_changes_many_rows_once_at_a_time(
    client: Client, admin: User, make_post: Callable[..., Post]
) -> None:
    posts = [make_post(title=f"Letter {number}") for number in range(2)]
    TEXTS._credit.spend(1_000)
    try:
        assert TEXTS._places.take(holder=admin.pk)
        assert ask(client, POSTS, "archive_selected", posts, confirmed="2").status_code == 503
        assert not Post.objects.filter(status="archived").exists()
        assert ask(client, POSTS, "archive_selected", posts[:1], confirmed="1").status_code == 302
    finally:
        TEXTS._begin()
        TEXTS._places._begin()
    assert Post.objects.filter(status="archived").count() == 1


def test_deleting_all_rows_names_a_few_and_sends_only_the_selected(client: Client) -> None:
    tags = _tags(1_100)
    page = ask(client, TAGS, "delete_selected", tags[:1], select_across="1")
    said = page.content.decode()
    assert "“Delete” for 1100 tags:" in said
    assert f"and {1_100 - SHOWN_NAMES} more" in said
    assert sum(tag.name in said for tag in tags) == SHOWN_NAMES
    assert sorted(page.context["sent"]) == [
        ("_selected_action", str(tags[0].pk)),
        ("action", "delete_selected"),
        ("select_across", "1"),
    ]
    assert Tag.objects.count() == 1_100


@pytest.mark.parametrize("name", ["tag", "category", "redirect", "group", "comment", "mediafile", "webhook"])
def test_what_goes_along_is_said_before(client: Client, admin: User, make_post: Callable[..., Post], name: str) -> None:
    row = _row(name, admin, make_post())
    address = reverse(f"admin:{row._meta.app_label}_{name}_changelist")
    model_admin: Any = admin_site.get_model_admin(type(row))
    said = html.escape(str(model_admin.deletion))
    assert said in client.get(f"{address}{row.pk}/delete/").content.decode()
    assert said in ask(client, address, "delete_selected", [row]).content.decode()


def _row(name: str, admin: User, post: Post) -> Any:
    facts: Any = {"mime_type": "image/png", "size_bytes": 9, "sha256": "0" * 64, "original_name": "wren.png"}
    made: dict[str, Callable[[], Any]] = {
        "tag": lambda: _tags(1)[0],
        "category": lambda: Category.objects.create(name="Ink", slug="ink"),
        "redirect": lambda: Redirect.objects.create(old_path="/ink", post=post),
        "group": lambda: Group.objects.create(name="Ink"),
        "comment": lambda: Comment.objects.create(post=post, author=admin, text="Ink"),
        "mediafile": lambda: MediaFile.objects.create(file="media/wren.png", uploaded_by=admin, **facts),
        "webhook": lambda: Webhook.objects.create(url="https://ink.example/", created_by=admin),
    }
    return made[name]()


def test_deleting_all_rows_is_bounded_as_any_change(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = _tags(3)
    monkeypatch.setattr(each, "ROWS_MAX", 2)
    page = ask(client, TAGS, "delete_selected", tags[:1], select_across="1")
    sent = {**dict(page.context["sent"]), "confirmed": page.context["count"]}
    said = client.post(TAGS, sent, follow=True).content.decode()
    assert Tag.objects.count() == 1
    assert "2 tags deleted." in said
    assert "1 left for lack of time" in said
    assert AuditEvent.objects.filter(action="tag.deleted").count() == 2


def test_the_confirmation_of_an_older_page_is_asked_for_again(client: Client) -> None:
    tags = _tags(2)
    assert "for 2 tags:" in ask(client, TAGS, "delete_selected", tags, post="yes").content.decode()
    assert Tag.objects.count() == 2


@pytest.mark.parametrize(("typed", "role"), [("mia", "admin"), ("Mia", "author"), ("", "author")])
def test_making_an_admin_asks_for_the_name(
    client: Client, make_user: Callable[..., User], typed: str, role: str
) -> None:
    mia = make_user("author", username="mia")
    page = ask(client, USERS, "make_admin_selected", [mia])
    assert "Type mia to confirm" in page.content.decode()
    page = ask(client, USERS, "make_admin_selected", [mia], confirmed="1", typed_name=typed)
    assert ("This is not the name." in page.content.decode()) is (role == "author")
    mia.refresh_from_db()
    assert mia.role == role


def test_admins_are_made_one_by_one(client: Client, make_user: Callable[..., User]) -> None:
    users = [make_user("author") for _ in range(2)]
    page = client.post(
        USERS, {"action": "make_admin_selected", "_selected_action": [str(user.pk) for user in users]}, follow=True
    )
    assert "is for one user at a time" in page.content.decode()
    assert set(User.objects.filter(pk__in=[user.pk for user in users]).values_list("role", flat=True)) == {"author"}


@pytest.mark.parametrize(
    ("address", "labels"),
    [
        (POSTS, ["Publish", "Unpublish", "Archive", "Move to trash", "Restore"]),
        (USERS, ["Suspend", "Activate", "Make subscriber", "Make author", "Make editor", "Make admin"]),
    ],
)
def test_actions_read_well(client: Client, make_post: Callable[..., Post], address: str, labels: list[str]) -> None:
    make_post()
    choices = client.get(address).context["action_form"].fields["action"].choices
    assert [label for name, label in choices if name] == labels
