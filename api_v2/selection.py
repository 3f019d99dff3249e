"""`fields` and `include`: the parts of a resource that a client wants, and so the columns to read."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from api_v2.pagination import Row
from api_v2.query import Query
from api_v2.serializers.included import INCLUDES, included_columns, write_included
from api_v2.serializers.posts import COMMENT_COUNT, POST, relation_columns
from api_v2.serializers.shapes import Shape, Viewer, columns_of, selected, write
from cms.policy import Actor


def read_fields(query: Query, shape: Shape) -> list[str]:
    """Return the requested fields, all by default."""
    return query.choices("fields", list(shape), shape)


@dataclass(frozen=True)
class PostSelection:
    """The wanted parts of posts: their fields, and the objects included beside them."""

    fields: tuple[str, ...]
    include: tuple[str, ...]

    @classmethod
    def of(cls, query: Query) -> "PostSelection":
        return cls(tuple(read_fields(query, POST)), tuple(query.choices("include", INCLUDES)))

    @classmethod
    def whole(cls) -> "PostSelection":
        """Return the selection of a GET without parameters."""
        return cls(tuple(POST), ())

    def columns(self, rows: QuerySet[Any], reader: Actor, *more: str) -> QuerySet[Any, Row]:
        columns = columns_of(POST, self.fields, *included_columns(self.include), *more)
        return selected(rows, columns, relation_columns(reader))

    def write(self, row: Row, viewer: Viewer) -> dict[str, Any]:
        post = write(row, POST, self.fields, viewer)
        if "comment_count" in self.include:
            post["comment_count"] = COMMENT_COUNT.read(row, viewer)
        return post

    def write_included(self, rows: list[Row], viewer: Viewer) -> dict[str, Any]:
        """Return `{"included": …}`, or nothing when no object was requested."""
        included = write_included(rows, self.include, viewer)
        return {"included": included} if included else {}
