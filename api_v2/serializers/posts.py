"""Posts as JSON: their fields, which columns these need, and how the ids of relations come with the row itself."""

import uuid
from typing import Any, Final

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Func, Model, OuterRef, QuerySet, Subquery, TextField
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler

from api_v2.json_schema import HTML, NUMBER, POSITIVE, STAMP_OR_NULL, TEXT, UUID, UUID_OR_NULL, array_of, described, ref
from api_v2.pagination import Row
from api_v2.serializers.shapes import ENTITY, Field, Shape, Viewer, column, instant, split_ids
from cms import policy
from cms.choices import CommentStatus, Status
from cms.models import Category, Comment, Post
from cms.policy import Actor
from cms.services.post_media import with_media_below
from cms.services.post_states import WAYS


class JoinedIds(Func):
    """The ids of a relation, joined by commas in any order within the row of their post; NULL when there are none.

    Written out, for what the ORM makes of the same takes longer to be put together than the database takes to answer.
    """

    output_field = TextField()

    @classmethod
    def through(cls, model: type[Model], column: str, *, among: QuerySet[Any] | None = None) -> "JoinedIds":
        """Join ids through a relation: `model` is its table, `column` its id column; `among` leaves out other rows."""
        sources = [F("pk")] if among is None else [F("pk"), Subquery(among.order_by().values("pk"))]
        return cls(*sources, table=model._meta.db_table, column=column)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # type: ignore[override]
        quote = connection.ops.quote_name
        table, joined_id = quote(self.extra["table"]), f"joined.{quote(self.extra['column'])}"
        (post, parameters), *among = [compiler.compile(source) for source in self.get_source_expressions()]
        only = "".join(f" AND {joined_id} IN {sql}" for sql, _ in among)
        ids = (
            f"string_agg({joined_id}::text, ',')" if connection.vendor == "postgresql" else f"group_concat({joined_id})"
        )
        sql = f"(SELECT {ids} FROM {table} joined WHERE joined.post_id = {post}{only})"  # noqa: S608 - our own names
        return sql, (*parameters, *(parameter for _, more in among for parameter in more))


SCHEDULED: Final = "scheduled"
STATUSES: Final = ("draft", SCHEDULED, "published", "archived", "trashed")
_STATUS_COLUMNS: Final = ("status", "published_at")
_PEOPLE_COLUMNS: Final = ("author_id", "co_author_ids")
_comments: Final = Comment.objects.filter(post=OuterRef("pk"), status=CommentStatus.PUBLISHED).order_by().values("post")
_SAME_FOR_ALL: Final[dict[str, BaseExpression]] = {
    "tag_ids": JoinedIds.through(Post.tags.through, "tag_id"),
    "co_author_ids": JoinedIds.through(Post.co_authors.through, "user_id"),
    "comment_count": Coalesce(Subquery(_comments.annotate(count=Count("pk")).values("count")), 0),
}


def relation_columns(actor: Actor) -> dict[str, BaseExpression]:
    """Return expressions for columns of other tables, correlated with a post: no own query, no repeated rows."""
    categories = Category.objects.visible_to(actor)
    return {
        **_SAME_FOR_ALL,
        "category_ids": JoinedIds.through(Post.categories.through, "category_id", among=categories),
    }


def _content_html(row: Row, viewer: Viewer) -> str:
    return with_media_below(row["content_html"], settings.MEDIA_BASE_URL)


def status_of(row: Row, viewer: Viewer) -> str:
    """Return the stored status, except that a published post whose instant is still to come is scheduled."""
    status: str = row["status"]
    return SCHEDULED if status == Status.PUBLISHED and row["published_at"] > viewer.now else status


def _actions(row: Row, viewer: Viewer) -> list[str]:
    """Return the caller's possible actions now: only authors and editors have any, with a credential that writes."""
    return _ACTIONS[status_of(row, viewer)] if viewer.is_writer and _may_edit(row, viewer) else []


def _may_edit(row: Row, viewer: Viewer) -> bool:
    if not policy.is_known(viewer.actor):
        return False
    people = {row["author_id"], *(uuid.UUID(text) for text in split_ids(row["co_author_ids"]))}
    return policy.may_edit_post_of(viewer.actor, people)


def _actions_from(status: Status) -> list[str]:
    names = {
        Status.PUBLISHED: "publish",
        Status.DRAFT: "unpublish" if status == Status.PUBLISHED else "restore",
        Status.ARCHIVED: "archive",
        Status.TRASHED: "trash",
    }
    return ["update", *(names[way] for way in WAYS[status]), "preview"]


# A scheduled post may be published before its time, and a trashed one only comes back.
_ACTIONS: Final[dict[str, list[str]]] = {
    **{str(status): _actions_from(status) for status in WAYS},
    SCHEDULED: [*_actions_from(Status.PUBLISHED), "publish"],
    str(Status.TRASHED): ["update", "restore"],
}

ACTIONS: Final = tuple(dict.fromkeys(name for names in _ACTIONS.values() for name in names))


def _ids(name: str) -> Field:
    return Field((name,), lambda row, _: split_ids(row[name]), array_of(UUID))


def _links(row: Row, viewer: Viewer) -> dict[str, str]:
    path = f"{viewer.base}/posts/{row['id']}"
    links = {"self": path, "comments": f"{path}/comments"}
    return {**links, "revisions": f"{path}/revisions"} if _may_edit(row, viewer) else links


POST: Final[Shape] = {
    **ENTITY,
    "kind": column("kind", ref("PostKind")),
    "slug": column("slug"),
    "title": column("title"),
    "content": column("content"),
    "content_format": column("content_format", ref("ContentFormat")),
    "content_html": Field(("content_html",), _content_html, HTML),
    "excerpt": column("excerpt"),
    "language": column("language", described(TEXT, "BCP 47")),
    "status": Field(_STATUS_COLUMNS, status_of, ref("PostStatus")),
    "visibility": column("visibility", ref("PostVisibility")),
    "author": column("author_id", UUID),
    "co_authors": _ids("co_author_ids"),
    "tags": _ids("tag_ids"),
    "categories": _ids("category_ids"),
    "featured_image": column("featured_image_id", UUID_OR_NULL),
    "meta": Field(
        ("meta_title", "meta_description"),
        lambda row, _: {"title": row["meta_title"], "description": row["meta_description"]},
        ref("PostMeta"),
    ),
    "published_at": instant("published_at", STAMP_OR_NULL),
    "expires_at": instant("expires_at", STAMP_OR_NULL),
    "reading_time_min": column("reading_time_min", POSITIVE),
    "version": column("version", POSITIVE),
    "actions": Field((*_STATUS_COLUMNS, *_PEOPLE_COLUMNS), _actions, array_of(ref("PostAction"))),
    "links": Field(("id", *_PEOPLE_COLUMNS), _links, ref("PostLinks")),
}
COMMENT_COUNT: Final = column("comment_count", described(NUMBER, "With `include=comment_count`."))
