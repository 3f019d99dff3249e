"""The people behind consumers of v1: `CANARY["CONTACTS"]`."""

from collections.abc import Sequence

from django.contrib.auth.models import AnonymousUser

from cms import policy
from cms.ids import parse_uuid
from cms.models import ApiKey, User


def contacts_of(consumers: Sequence[str], viewer: User | AnonymousUser | None) -> dict[str, dict[str, str]]:
    """Return by consumer its active user, who owns the API key if it is one. The address is for those who manage users.

    `viewer` is None on the command line, which may see all.
    """
    split = [name.partition(":") for name in consumers]
    keys = ApiKey.objects.filter(prefix__in=[rest for kind, _, rest in split if kind == "key"], is_active=True)
    owners = {f"key:{prefix}": owner_id for prefix, owner_id in keys.values_list("prefix", "owner_id")}
    owners |= {f"user:{rest}": pk for kind, _, rest in split if kind == "user" and (pk := parse_uuid(rest))}
    users = {user.pk: user for user in User.objects.filter(pk__in={*owners.values()}, is_active=True)}
    is_addressed = viewer is None or policy.may_manage_users(viewer)
    return {name: _contact(users[pk], is_addressed=is_addressed) for name, pk in owners.items() if pk in users}


def _contact(user: User, *, is_addressed: bool) -> dict[str, str]:
    known = {"user": str(user.pk), "name": user.username}
    return known | {"address": user.email} if is_addressed else known
