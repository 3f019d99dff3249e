"""What a post must be after any mixture of writes through v1 and v2: states, columns and relations, and each write's status.

The model knows nothing of how the APIs do it. It holds names where the database holds ids.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

DAY: Final = datetime.timedelta(days=1)
HIDDEN_CATEGORY: Final = "Closed"
TAKEN_SLUG: Final = "taken"


@dataclass(frozen=True)
class Write:
    """One request: `version` of the API, what it does, and what it says. Instants are days from now."""

    version: int
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"v{self.version} {self.name} {dict(self.values) or ''}".strip()


@dataclass
class PostModel:
    """Columns by their names in the database; `published_at` and `expires_at` as days from now, None for none."""

    columns: dict[str, Any]
    tags: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    status: str = "draft"
    status_before_trash: str = ""
    published_in_days: int | None = None
    is_excerpt_derived: bool = True

    @property
    def is_scheduled(self) -> bool:
        return self.status == "published" and (self.published_in_days or 0) > 0

    @property
    def excerpt(self) -> str:
        return str(self.columns["content"] if self.is_excerpt_derived else self.columns["excerpt"])

    @property
    def status_in_v2(self) -> str:
        return "scheduled" if self.is_scheduled else self.status

    def apply(self, write: Write) -> int:
        """Make the write; the status that it is answered with."""
        answer: int = getattr(self, f"_{write.name.replace('-', '_')}")(write.values)
        return answer

    # -- what v1 may do --

    def _put(self, values: Mapping[str, Any]) -> int:
        if self.status == "trashed":
            return 404
        if values.get("slug") == TAKEN_SLUG:
            return 409
        changes = {name: value for name, value in values.items() if name not in ("published", "category")}
        self._set(changes, was_read_as=self.excerpt)
        if "category" in values:
            self._file_under(values["category"])
        wanted = values.get("published")
        if wanted is True and self.status != "published":
            self.status, self.published_in_days = "published", 0
        elif wanted is False and self.status == "published":
            self.status, self.published_in_days = "draft", None
        return 200

    def _file_under(self, name: str) -> None:
        shown = self.categories - {HIDDEN_CATEGORY}
        kept = shown if len(shown) > 1 else set()
        self.categories = self.categories - shown | kept | {name}

    def _delete(self, _: Mapping[str, Any]) -> int:
        """v1's DELETE: the trash is a place where it finds nothing."""
        if self.status == "trashed":
            return 404
        self._to_trash()
        return 200

    # -- what v2 may do --

    def _patch(self, values: Mapping[str, Any]) -> int:
        if values.get("slug") == TAKEN_SLUG:
            return 409
        self._set(values)
        if "categories" in values:
            self.categories = set(values["categories"]) | self.categories & {HIDDEN_CATEGORY}
        return 200

    def _patch_of_an_old_version(self, _: Mapping[str, Any]) -> int:
        return 412

    def _publish(self, values: Mapping[str, Any]) -> int:
        if self.status != "draft" and not self.is_scheduled:
            return 409
        self.status, self.published_in_days = "published", values.get("published_at", 0)
        return 200

    def _unpublish(self, _: Mapping[str, Any]) -> int:
        if self.status != "published":
            return 409
        self.status, self.published_in_days = "draft", None
        return 200

    def _archive(self, _: Mapping[str, Any]) -> int:
        if self.status not in ("draft", "published"):
            return 409
        self.status = "archived"
        return 200

    def _trash(self, _: Mapping[str, Any]) -> int:
        if self.status == "trashed":
            return 409
        self._to_trash()
        return 204

    def _restore(self, _: Mapping[str, Any]) -> int:
        if self.status not in ("trashed", "archived"):
            return 409
        self.status = self.status_before_trash if self.status == "trashed" else "draft"
        self.status_before_trash = ""
        if self.status == "draft":
            self.published_in_days = None
        return 200

    # -- both --

    def _to_trash(self) -> None:
        self.status, self.status_before_trash = "trashed", self.status

    def _set(self, values: Mapping[str, Any], *, was_read_as: str | None = None) -> None:
        """An excerpt that v1 sends back as it was read goes on being derived; an empty one is derived again."""
        texts = {name: values[name] for name in ("content", "excerpt") if name in values}
        if self.is_excerpt_derived and texts.get("excerpt") == was_read_as:
            texts.pop("excerpt", None)
        is_changed = any(value != self.read(name) for name, value in texts.items())
        if is_changed and "excerpt" in texts:
            self.is_excerpt_derived = texts["excerpt"] == ""
            self.columns["excerpt"] = texts["excerpt"]
        self.tags = set(values.get("tags", self.tags))
        self.columns |= {name: values[name] for name in values.keys() & self.columns.keys() - {"excerpt"}}

    def read(self, column: str) -> Any:
        return self.excerpt if column == "excerpt" else self.columns[column]
