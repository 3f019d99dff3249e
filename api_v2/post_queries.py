"""The reads of posts: the parts that a client wants (`fields`, `include`), as rows of two sources."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from django.db.models.expressions import BaseExpression
from django.db.models.functions import Left
from django.http import HttpRequest

from api_v2.pagination import Page, PageRequest, Row
from api_v2.post_filters import Choice, posts_chosen, reading_of
from api_v2.query import Query
from api_v2.serializers.included import INCLUDES, included_columns, write_included
from api_v2.serializers.posts import COMMENT_COUNT, POST, relation_columns
from api_v2.serializers.shapes import Viewer, columns_of, write
from api_v2.sources import NEXT_CHANGE, Source, read_list
from cms.costs.bodies import PAGE_BYTES_MAX
from cms.db.compiled import Given
from cms.db.texts import TEXT_BYTES, TextBytes
from cms.models import Post
from cms.policy import Actor
from cms.querysets.visibility import next_change
from cms.search import searching
from cms.search.highlights import READ_MAX

TEXTS: Final = frozenset({"content", "content_html"})
QUOTED: Final = "quoted_html"
"""The column with the part of a content that a search quotes from."""


@dataclass(frozen=True)
class PostSelection:
    """The wanted parts of posts: their fields, and the objects included beside them."""

    fields: tuple[str, ...]
    include: tuple[str, ...]

    @classmethod
    def of(cls, query: Query) -> "PostSelection":
        return cls(tuple(query.fields(POST)), tuple(query.choices("include", INCLUDES)))

    @classmethod
    def whole(cls) -> "PostSelection":
        """Return the selection of a GET without parameters."""
        return cls(tuple(POST), ())

    @property
    def columns(self) -> list[str]:
        """Return the columns of what is included; those of fields are the shape's."""
        return included_columns(self.include)

    @property
    def sizes(self) -> tuple[str, ...]:
        """Return the column with the bytes of the texts, where a text is wanted: a page of these ends early."""
        return () if TEXTS.isdisjoint(columns_of(POST, self.fields)) else (TEXT_BYTES,)

    def write(self, row: Row, viewer: Viewer) -> dict[str, Any]:
        post = write(row, POST, self.fields, viewer)
        if "comment_count" in self.include:
            post["comment_count"] = COMMENT_COUNT.read(row, viewer)
        return post

    def write_included(self, rows: list[Row], viewer: Viewer) -> dict[str, Any]:
        """Return `{"included": …}`, or nothing when no object was requested."""
        included = write_included(rows, self.include, viewer)
        return {"included": included} if included else {}


def _computed(reader: Actor, given: Given) -> dict[str, BaseExpression]:
    return {
        **relation_columns(reader),
        NEXT_CHANGE: next_change(Post.objects, given.now),
        TEXT_BYTES: TextBytes(*sorted(TEXTS), most=PAGE_BYTES_MAX, ends_there=True),
        QUOTED: Left("content_html", READ_MAX),
    }


POSTS: Final = Source(
    POST,
    lambda reader, given: Post.objects.visible_to(reader, given.now),
    computed=_computed,
    choose=posts_chosen,
    reading=reading_of,
)
CHANGED: Final = Source(POST, lambda *_: Post.objects.order_by(), computed=_computed)
"""One's own change is read without a look at what is visible: its author may have left the post by it."""


def read_posts(
    request: HttpRequest,
    viewer: Viewer,
    selection: PostSelection,
    wanted: PageRequest,
    chosen: tuple[Choice, dict[str, Any]],
) -> Page:
    """Return a page of posts, with NEXT_CHANGE in its rows; `chosen` is as `read_choice` returns it."""
    choice, values = chosen
    with nullcontext() if choice.text is None else searching():
        columns = (*selection.columns, NEXT_CHANGE, *selection.sizes)
        return read_list(request, viewer, POSTS, selection.fields, wanted, *columns, choice=choice, **values)
