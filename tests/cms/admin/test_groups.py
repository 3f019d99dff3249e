from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from cms.models import AuditEvent, User


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


@pytest.fixture
def on_call(client: Client, send_form: Callable[..., Any]) -> Group:
    may = ["canary.view", "canary.rollback"]
    assert send_form(client, "/admin/auth/group/add/", name="On call", permissions=may).status_code == 302
    return Group.objects.get()


def test_a_group_is_made_and_changed_by_the_services(
    client: Client, on_call: Group, send_form: Callable[..., Any]
) -> None:
    page = f"/admin/auth/group/{on_call.pk}/change/"
    assert client.get(page).context["adminform"].form["permissions"].value() == ["canary.view", "canary.rollback"]
    send_form(client, page, name="Everybody")
    send_form(client, page, permissions=["canary.view"])
    assert AuditEvent.objects.filter(action__startswith="group.").count() == 3
    (row,) = client.get("/admin/auth/group/").context["cl"].result_list
    assert (row.name, [str(one) for one in row.permissions.all()]) == (
        "Everybody",
        ["Canary | rollout | Can see the rollout"],
    )


def test_only_permissions_for_rollouts_are_offered(client: Client) -> None:
    offered = client.get("/admin/auth/group/add/").context["adminform"].form.fields["permissions"].choices
    assert [value for value, _ in offered] == [
        *("canary.view", "canary.ramp", "canary.rollback", "canary.lifecycle", "canary.synthetic")
    ]


def test_a_user_is_put_into_a_group_on_the_users_own_page(
    client: Client, on_call: Group, author: User, send_form: Callable[..., Any]
) -> None:
    page = f"/admin/cms/user/{author.pk}/change/"
    assert send_form(client, page, groups=[str(on_call.pk)], bio="On call").status_code == 302
    member = User.objects.get(pk=author.pk)
    assert (member.has_perm("canary.rollback"), member.bio) == (True, "On call")
    assert client.get("/admin/auth/group/").context["cl"].result_list[0].member_count == 1
    send_form(client, page, groups=[])
    assert not User.objects.get(pk=author.pk).has_perm("canary.rollback")
    assert AuditEvent.objects.filter(action="user.groups_changed", object_id=author.pk).count() == 2


def test_a_group_is_deleted_with_a_word_in_the_audit_trail(client: Client, on_call: Group) -> None:
    assert client.post(f"/admin/auth/group/{on_call.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Group.objects.exists()
    assert AuditEvent.objects.filter(action="group.deleted").count() == 1


@pytest.mark.parametrize("role", ["author", "editor"])
def test_groups_are_for_admins_alone(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], on_call: Group, role: str
) -> None:
    client = signed_in(make_user(role))
    for tail in ("", "add/", f"{on_call.pk}/change/"):
        assert client.get(f"/admin/auth/group/{tail}").status_code == 403
    assert "/admin/auth/group/" not in client.get("/admin/").content.decode()
