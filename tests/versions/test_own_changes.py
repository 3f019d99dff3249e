"""How often somebody without the right to moderate changes what is his own: each change is a row kept for years."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.errors import RateLimited
from cms.models import AuditEvent, Comment, Post, Tag, User
from cms.rate_limits.quotas import Policy
from cms.services import kept_bytes
from cms.services.comments import create_comment, edit_comment
from cms.services.previews import make_preview
from cms.services.users import update_user
from tests.versions.conftest import Version, with_token

pytestmark = pytest.mark.django_db
Act = Callable[[Client, int], Any]


@pytest.fixture
def own(version: Version, mia: User) -> Client:
    return with_token(version.sign_in(mia)["access_token"])


def rename(version: Version, user: User, client: Client, n: int) -> Any:
    method, path = ("put", f"/users/{user.pk}") if version.number == 1 else ("patch", "/me")
    return version.send(client, method, path, {"first_name": f"Mia {n}"})


def new_key(version: Version, client: Client, n: int) -> Any:
    rights = "permissions" if version.number == 1 else "scopes"
    return version.send(client, "post", "/api-keys", {"name": f"Robot {n}", rights: ["posts:read"]})


def test_own_changes_of_all_kinds_count_together(version: Version, own: Client, mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 3
    assert [rename(version, mia, own, n).status_code for n in range(2)] == [200, 200]
    key = new_key(version, own, 1)
    assert key.status_code == 201
    rows = AuditEvent.objects.count()
    for refused in (rename(version, mia, own, 3), new_key(version, own, 2)):
        assert "Too many changes: try again in" in version.refusal(refused, 429)
        assert 0 < int(refused.headers["Retry-After"]) <= 7_200
    assert AuditEvent.objects.count() == rows
    body = key.json()["data"] if version.number == 1 else key.json()
    ended = version.send(own, "delete", f"/api-keys/{body.get('api_key', body)['id']}")
    assert ended.status_code in (200, 204)  # a right can always be ended


def test_both_versions_count_own_changes_together(
    version: Version, other_version: Version, own: Client, mia: User, settings: Any
) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 2
    assert rename(version, mia, own, 1).status_code == 200
    assert rename(other_version, mia, own, 2).status_code == 200
    version.refusal(rename(version, mia, own, 3), 429)


def test_what_changes_nothing_counts_nothing(version: Version, own: Client, mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 2
    assert [rename(version, mia, own, 1).status_code for _ in range(5)] == [200] * 5
    assert rename(version, mia, own, 2).status_code == 200
    version.refusal(rename(version, mia, own, 3), 429)


def test_many_accounts_of_one_address_have_ten_times_as_many(
    version: Version, make_user: Callable[..., User], client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 1
    users = [make_user("subscriber", username=f"sub_{n}") for n in range(11)]
    answers = [rename(version, user, client_of(user), 1) for user in users]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]


def test_edited_comments_count(make_post: Callable[..., Post], mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 1
    now = timezone.now()
    comment = create_comment(actor=mia, post=make_post(), fields={"text": "a"}, now=now)
    edit_comment(actor=mia, comment=comment, text="b", now=now)
    with pytest.raises(RateLimited, match="Too many changes"):
        edit_comment(actor=mia, comment=comment, text="c", now=now)
    assert Comment.objects.get().text == "b"


def test_preview_links_count(make_post: Callable[..., Post], mia: User, editor: User, settings: Any) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 1
    now = timezone.now()
    post = make_post(by=mia)
    make_preview(actor=mia, post=post, now=now)
    rows = AuditEvent.objects.count()
    with pytest.raises(RateLimited, match="Too many changes"):
        make_preview(actor=mia, post=post, now=now)
    assert AuditEvent.objects.count() == rows
    assert make_preview(actor=editor, post=post, now=now).token


@pytest.mark.parametrize(("role", "limit"), [("editor", 1), ("admin", 1), ("subscriber", 0)])
def test_moderators_and_sites_without_a_limit_change_more(
    make_user: Callable[..., User], settings: Any, role: str, limit: int
) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = limit
    user = make_user(role)
    for n in range(3):
        user = update_user(actor=user, user=user, changes={"bio": f"{n}"}, now=timezone.now())


def test_an_admin_who_changes_others_spends_nothing_of_theirs(
    version: Version, own: Client, mia: User, make_user: Callable[..., User], settings: Any
) -> None:
    settings.RATE_LIMIT_OWN_CHANGES = 1
    admin = make_user("admin")
    for n in range(3):
        update_user(actor=admin, user=mia, changes={"bio": f"{n}"}, now=timezone.now())
    assert rename(version, mia, own, 1).status_code == 200


def test_an_author_names_so_many_new_tags_a_day(
    version: Version,
    mia: User,
    editor: User,
    client_of: Callable[[User], Client],
    make_post: Callable[..., Post],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_bytes, "NEW_TAGS", Policy("new-tags", None, 86_400, most=3))
    post, author = make_post(by=mia), client_of(mia)

    def name(client: Client, *names: str) -> Any:
        verb = "put" if version.number == 1 else "patch"
        return version.send(client, verb, f"/posts/{post.pk}", {"tags": [*names]})

    assert name(author, "one", "two").status_code == 200
    assert name(author, "one", "three", "four").status_code == 200
    refused = name(author, "five")
    assert "Too many new tags: try again in" in version.refusal(refused, 429)
    assert not Tag.objects.filter(name="five").exists()
    assert name(author, "two", "four").status_code == 200  # known ones
    assert name(client_of(editor), "five", "six").status_code == 200
