"""Names in place of ids for events of the audit trail, by one query for a page of them."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.db.models import Model, TextField
from django.db.models.functions import Cast, Left

from cms.ids import parse_uuid
from cms.models import (
    ApiKey,
    Category,
    Comment,
    Delivery,
    Invitation,
    MediaFile,
    Post,
    Redirect,
    Tag,
    Transfer,
    User,
    Webhook,
)

NAME_MAX: Final = 100
MODELS: Final[dict[str, tuple[type[Model], str]]] = {
    "post": (Post, "title"),
    "comment": (Comment, "text"),
    "tag": (Tag, "name"),
    "category": (Category, "name"),
    "user": (User, "username"),
    "mediafile": (MediaFile, "original_name"),
    "apikey": (ApiKey, "name"),
    "webhook": (Webhook, "url"),
    "delivery": (Delivery, "event_type"),
    "invitation": (Invitation, "email"),
    "redirect": (Redirect, "old_path"),
    "transfer": (Transfer, "original_name"),
}
NAMED_IN_VALUES: Final = ("user", "post", "category", "tag", "mediafile")
MEMBERS: Final = ("title", "name", "username", "original_name", "old_path", "url", "email")
"""Events of deleted objects may know their names by these."""


class Named(NamedTuple):
    name: str
    route: str
    """Names the object's page; empty for an object that has none, or is gone."""


def name_events(events: Iterable[Any]) -> list[Any]:
    """Return the events, each with the `named` of its object."""
    rows = list(events)
    ids: dict[str, set[uuid.UUID]] = defaultdict(set)
    for event in rows:
        ids[event.object_type].add(event.object_id)
    names = _names(ids)
    for event in rows:
        known = names.get(event.object_id)
        route = f"admin:cms_{event.object_type}_change" if known is not None else ""
        event.named = Named(known or _remembered(event), route)
    return rows


def name_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of an event with names in place of the ids of users, posts, terms and files."""
    ids = {found for value in values.values() for found in _ids_in(value)}
    names = _names(dict.fromkeys(NAMED_IN_VALUES, ids))
    return {name: _named(value, names) for name, value in values.items()}


def _names(ids: Mapping[str, set[uuid.UUID]]) -> dict[uuid.UUID, str]:
    """Return the names of the objects of these types that are still there."""
    parts = [
        model._default_manager.filter(pk__in=ids[kind])
        .order_by()
        .annotate(shown_name=Cast(Left(column, NAME_MAX), TextField()))
        .values_list("pk", "shown_name")
        for kind, (model, column) in MODELS.items()
        if ids.get(kind)
    ]
    return dict(parts[0].union(*parts[1:], all=True)) if parts else {}


def _remembered(event: Any) -> str:
    for values in (event.after, event.before):
        for member in MEMBERS:
            if isinstance(values.get(member), str) and values[member]:
                return str(values[member])[:NAME_MAX]
    return str(event.object_id)


def _ids_in(value: Any) -> Iterable[uuid.UUID]:
    for one in value if isinstance(value, list) else [value]:
        found = parse_uuid(one) if isinstance(one, str) else None
        if found is not None:
            yield found


def _named(value: Any, names: dict[uuid.UUID, str]) -> Any:
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    found = parse_uuid(value) if isinstance(value, str) else None
    return names.get(found, value) if found else value
