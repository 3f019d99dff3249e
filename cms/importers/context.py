"""The shared state of writers in the import of one source: its name, the time, and the objects imported so far."""

import datetime
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import models

from cms.importers.items import Item
from cms.importers.keys import fit_key
from cms.models import Category, Comment, ImportRecord, Post, Tag, User

MODELS: Final[dict[str, type[models.Model]]] = {
    "user": User,
    "tag": Tag,
    "category": Category,
    "post": Post,
    "comment": Comment,
}
_KEPT = ("user", "tag", "category")
ROWS_MAX: Final = 10_000
"""Each takes up to two kilobytes. The others are found by their records."""


@dataclass
class Context:
    """The users and terms that were used last are kept in memory; of others only the current post and its thread."""

    source: str
    now: datetime.datetime
    trusts_roles: bool = False
    """Whether new users get the role and the states that the source names, above an author's too."""
    require: Callable[[], None] | None = None
    """Raises an error once the import may not go on."""
    waiting: dict[tuple[str, str], Item] = field(default_factory=dict)
    """Users and terms that were met at posts, of which none could be written so far."""
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    _thread: dict[tuple[str, str], Any] = field(default_factory=dict)
    _thread_of: str | None = None

    def require_permission(self) -> None:
        if self.require is not None:
            self.require()

    def remember(self, item: Item, row: Any) -> None:
        post_id = getattr(item, "post", item.external_id if item.noun == "post" else self._thread_of)
        if post_id != self._thread_of:
            self._thread.clear()
            self._thread_of = post_id
        if item.noun in _KEPT:
            self._keep((item.noun, item.external_id), row)
        else:
            self._thread[item.noun, item.external_id] = row

    def _keep(self, key: tuple[str, str], row: Any) -> None:
        """Keep the row as the one that was used last."""
        self._kept.pop(key, None)
        self._kept[key] = row
        if len(self._kept) > ROWS_MAX:
            del self._kept[next(iter(self._kept))]

    def forget(self, items: Iterable[Item]) -> None:
        """Forget these items: the rows written for them are rolled back."""
        for item in items:
            self._kept.pop((item.noun, item.external_id), None)

    def is_kept(self, noun: str, external_id: str) -> bool:
        """Return whether this import has come across the user or term already."""
        return (noun, external_id) in self._kept or (noun, external_id) in self.waiting

    def find(self, noun: str, external_id: str) -> Any:
        """Return the row made from an item, in this import or an earlier one; None when there is none."""
        key = (noun, fit_key(external_id))
        row = self._kept.get(key) or self._thread.get(key)
        if row is None and (record := self.record_of(*key)):
            row = existing_row(noun, record.object_id)
        if row is not None and noun in _KEPT:
            self._keep(key, row)
        return row

    def record_of(self, noun: str, external_id: str) -> ImportRecord | None:
        return ImportRecord.objects.filter(source=self.source, object_type=noun, external_id=external_id).first()

    def has_imported(self, noun: str, object_id: uuid.UUID) -> bool:
        """Whether the row stands for some item of this source."""
        records = ImportRecord.objects.filter(source=self.source, object_type=noun, object_id=object_id)
        return records.exists()


def existing_row(noun: str, object_id: uuid.UUID) -> Any:
    rows = MODELS[noun]._default_manager.filter(pk=object_id)
    # A post's texts are large, and most of those that are looked up are unchanged.
    return rows.defer("content", "content_html").first() if noun == "post" else rows.first()
