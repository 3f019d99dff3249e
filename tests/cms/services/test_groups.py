"""Groups: they give what rollouts need and nothing else, and every change of them is in the audit trail."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from cms.errors import Duplicate, InvalidInput, InvalidTransition, PermissionRefused
from cms.models import AuditEvent, User
from cms.policy import SYSTEM
from cms.services.groups import create_group, delete_group, permissions_of, set_groups, update_group
from cms.services.user_deletion import delete_user

pytestmark = pytest.mark.django_db


def fresh(user: User) -> User:
    """Django keeps a user's permissions with the object."""
    found: User = User.objects.get(pk=user.pk)
    return found


def test_members_may_what_their_group_gives_until_it_does_not(author: User) -> None:
    group = create_group(actor=SYSTEM, fields={"name": "on call", "permissions": ["canary.rollback"]})
    set_groups(actor=SYSTEM, user=author, groups=[group])
    assert fresh(author).has_perm("canary.rollback")
    assert not fresh(author).has_perm("canary.ramp")
    update_group(actor=SYSTEM, group=group, changes={"permissions": ["canary.view"]})
    assert not fresh(author).has_perm("canary.rollback")
    delete_group(actor=SYSTEM, group=group)
    assert not fresh(author).has_perm("canary.view")


def test_every_change_is_in_the_audit_trail_and_what_changes_nothing_is_not(author: User) -> None:
    group = create_group(actor=SYSTEM, fields={"name": "on call", "permissions": ["canary.rollback", "canary.view"]})
    for _ in range(2):
        set_groups(actor=SYSTEM, user=author, groups=[group])
        update_group(actor=SYSTEM, group=group, changes={"name": "all"})
    delete_group(actor=SYSTEM, group=group)
    events = AuditEvent.objects.exclude(action="user.registered").order_by("pk")
    actions = ["group.created", "user.groups_changed", "group.updated", "group.deleted"]
    assert [event.action for event in events] == actions
    assert events[0].after == {"name": "on call", "permissions": ["canary.view", "canary.rollback"]}
    assert (events[1].object_id, events[1].before, events[1].after) == (
        author.pk,
        {"groups": []},
        {"groups": ["on call"]},
    )


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": ""}, {"name": "x" * 151}, {"name": "nul\0"}, {"name": "x", "permissions": ["auth.add_user"]}],
    ids=["nothing", "empty", "long", "nul", "foreign"],
)
def test_what_is_no_group_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidInput):
        create_group(actor=SYSTEM, fields=fields)


def test_a_name_is_taken_once() -> None:
    create_group(actor=SYSTEM, fields={"name": "one"})
    two = create_group(actor=SYSTEM, fields={"name": "two"})
    for attempt in (
        lambda: create_group(actor=SYSTEM, fields={"name": "one"}),
        lambda: update_group(actor=SYSTEM, group=two, changes={"name": "one"}),
    ):
        with pytest.raises(Duplicate, match="exists"):
            attempt()


def test_only_admins_manage_groups(make_user: Callable[..., User], editor: User) -> None:
    group = create_group(actor=make_user("admin"), fields={"name": "one"})
    for attempt in (
        lambda: create_group(actor=editor, fields={"name": "two"}),
        lambda: update_group(actor=editor, group=group, changes={"permissions": ["canary.ramp"]}),
        lambda: delete_group(actor=editor, group=group),
        lambda: set_groups(actor=editor, user=editor, groups=[group]),
    ):
        with pytest.raises(PermissionRefused):
            attempt()
    assert permissions_of(group) == []


def test_a_deleted_user_is_in_no_group(author: User, now: datetime.datetime) -> None:
    group = create_group(actor=SYSTEM, fields={"name": "one"})
    set_groups(actor=SYSTEM, user=author, groups=[group])
    delete_user(actor=SYSTEM, user=author, now=now)
    with pytest.raises(InvalidTransition):
        set_groups(actor=SYSTEM, user=author, groups=[group])
    assert not fresh(author).groups.exists()
