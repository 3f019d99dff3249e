"""`fields` and `include`: the parts of a resource that a client wants, and so the columns to read."""

from dataclasses import dataclass
from typing import Any

from api_v2.pagination import Row
from api_v2.query import Query
from api_v2.serializers.included import INCLUDES, included_columns, write_included
from api_v2.serializers.posts import COMMENT_COUNT, POST
from api_v2.serializers.shapes import Shape, Viewer, write


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

    @property
    def columns(self) -> list[str]:
        """Return the columns of what is included; those of fields are the shape's."""
        return included_columns(self.include)

    def write(self, row: Row, viewer: Viewer) -> dict[str, Any]:
        post = write(row, POST, self.fields, viewer)
        if "comment_count" in self.include:
            post["comment_count"] = COMMENT_COUNT.read(row, viewer)
        return post

    def write_included(self, rows: list[Row], viewer: Viewer) -> dict[str, Any]:
        """Return `{"included": …}`, or nothing when no object was requested."""
        included = write_included(rows, self.include, viewer)
        return {"included": included} if included else {}
