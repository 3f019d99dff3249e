"""The reads of posts, as rows of two sources."""

from contextlib import nullcontext
from typing import Any, Final

from django.db.models.expressions import BaseExpression
from django.http import HttpRequest

from api_v2.pagination import Page, PageRequest
from api_v2.post_filters import Choice, posts_chosen, reading_of
from api_v2.selection import PostSelection
from api_v2.serializers.posts import POST, relation_columns
from api_v2.serializers.shapes import Viewer
from api_v2.sources import NEXT_CHANGE, Source, read_list
from cms.db.compiled import Given
from cms.models import Post
from cms.policy import Actor
from cms.querysets.visibility import next_change
from cms.search import searching


def _computed(reader: Actor, given: Given) -> dict[str, BaseExpression]:
    return {**relation_columns(reader), NEXT_CHANGE: next_change(Post.objects, given.now)}


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
        columns = (*selection.columns, NEXT_CHANGE)
        return read_list(request, viewer, POSTS, selection.fields, wanted, *columns, choice=choice, **values)
