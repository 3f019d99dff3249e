"""Groups: permissions on rollouts for users other than admins, who have all of them. Roles decide everything else."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypedDict

from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from cms import policy
from cms.errors import Duplicate, FieldError, InvalidInput, InvalidTransition, PermissionRefused
from cms.models import User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_choice, check_text
from cms.services.locks import lock_row

NAME: Final = (1, 150)
PERMISSIONS: Final = tuple(policy.SCOPE_PERMISSIONS.values())
"""All that a group can give, as `app.codename`."""
TAKEN_NAME: Final = gettext_noop("A group with this name exists.")


class GroupFields(TypedDict, total=False):
    name: str
    permissions: Collection[str]
    """Names from PERMISSIONS."""


def create_group(*, actor: Actor, fields: GroupFields) -> Group:
    """Create a group. Raises InvalidInput, or Duplicate for a name that is taken."""
    _refuse_unless_admin(actor)
    if errors := _field_errors({"name": "", **fields}):
        raise InvalidInput(errors)
    with transaction.atomic():
        group = Group(name=fields["name"])
        with _taken_name_refused():
            group.save(force_insert=True)
        group.permissions.set(_rows_of(fields.get("permissions", ())))
        record_event(actor, "group.created", group, before={}, after=_described(group))
    return group


def update_group(*, actor: Actor, group: Group, changes: GroupFields) -> Group:
    """Update a group. The permissions of its members change with their next request."""
    _refuse_unless_admin(actor)
    if errors := _field_errors(changes):
        raise InvalidInput(errors)
    with transaction.atomic():
        group = lock_row(group)
        before = _described(group)
        if "name" in changes:
            group.name = changes["name"]
            with _taken_name_refused():
                group.save(update_fields=["name"])
        if "permissions" in changes:
            group.permissions.set(_rows_of(changes["permissions"]))
        after = _described(group)
        if after != before:
            record_event(actor, "group.updated", group, before=before, after=after)
    return group


def delete_group(*, actor: Actor, group: Group) -> None:
    """Delete a group. Its members lose the permissions that it gave them, and nothing else."""
    _refuse_unless_admin(actor)
    with transaction.atomic():
        group = lock_row(group, is_doomed=True)
        record_event(actor, "group.deleted", group, before=_described(group), after={})
        group.delete()


def set_groups(*, actor: Actor, user: User, groups: Collection[Group]) -> User:
    """Set the groups of a user. Setting the same ones again changes nothing."""
    _refuse_unless_admin(actor)
    with transaction.atomic():
        user = lock_row(user)
        if user.deleted_at is not None:
            raise InvalidTransition("user", "deleted", "changed", ())
        before = _names(user.groups.all())
        if {group.pk for group in groups} != set(user.groups.values_list("pk", flat=True)):
            user.groups.set(groups)
            after = _names(user.groups.all())
            record_event(actor, "user.groups_changed", user, before={"groups": before}, after={"groups": after})
    return user


def permissions_of(group: Group) -> list[str]:
    """Return the group's permissions in the order of PERMISSIONS."""
    rows = group.permissions.values_list("content_type__app_label", "codename")
    held = {f"{app_label}.{codename}" for app_label, codename in rows}
    return [name for name in PERMISSIONS if name in held]


def _refuse_unless_admin(actor: Actor) -> None:
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins manage groups.")


def _rows_of(names: Collection[str]) -> QuerySet[Permission]:
    wanted = Q(pk__in=[])
    for name in names:
        app_label, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app_label, codename=codename)
    return Permission.objects.filter(wanted)


def _names(groups: QuerySet[Group]) -> list[str]:
    return sorted(groups.values_list("name", flat=True))


def _described(group: Group) -> dict[str, Any]:
    return {"name": group.name, "permissions": permissions_of(group)}


def _field_errors(fields: GroupFields) -> list[FieldError]:
    errors: list[FieldError] = []
    if "name" in fields:
        errors += check_text("name", fields["name"], *NAME)
    for name in fields.get("permissions", ()):
        errors += check_choice("permissions", name, list(PERMISSIONS))
    return errors


@contextmanager
def _taken_name_refused() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Duplicate("name", TAKEN_NAME) from error
