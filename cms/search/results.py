"""Searching posts: which match, how well, and with which tags, always among those that the reader may see."""

import contextlib
import datetime
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from cms.models import Category, Post
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.search.engine import Engine
from cms.search.postgresql import POSTGRESQL, least_id, planner_set_up
from cms.search.queries import Query, parse_query
from cms.search.sqlite import SQLITE
from cms.search.suggestions import words_begun

RANKED_MAX: Final = 10_000
LIMIT_MAX: Final = 100
FACETS_MAX: Final = 100

# One statement, so that hits, total and facets are of one instant and the index is asked once.
STATEMENT: Final = """
WITH found AS MATERIALIZED (
    SELECT v.id, v.created_at, {carried} AS carried
    FROM {source} {visible_join} ({visible}) v ON v.id = d.post_id
    WHERE {condition}
    ORDER BY v.created_at DESC, v.id DESC LIMIT {ranked_max} + 1
), ranked AS MATERIALIZED (
    SELECT f.id, f.created_at, {score} AS score
    FROM (SELECT * FROM found ORDER BY created_at DESC, id DESC LIMIT {ranked_max}) f {carried_join}
)
SELECT * FROM (
    SELECT 'hit' AS part, CAST(id AS text) AS name, CAST(score AS double precision) AS number
    FROM ranked ORDER BY score DESC, created_at DESC, id DESC LIMIT %s OFFSET %s
) hits
UNION ALL SELECT 'total', '', count(*) FROM found
UNION ALL SELECT * FROM (
    SELECT 'tags', t.slug, n FROM (
        SELECT l.tag_id, count(*) AS n FROM ranked JOIN cms_post_tags l ON l.post_id = ranked.id GROUP BY l.tag_id
    ) counted JOIN cms_tag t ON t.id = counted.tag_id
    ORDER BY n DESC, t.slug LIMIT {facets_max}
) tags
UNION ALL SELECT * FROM (
    SELECT 'categories', c.slug, n FROM (
        SELECT l.category_id, count(*) AS n FROM ranked JOIN cms_post_categories l ON l.post_id = ranked.id
        GROUP BY l.category_id
    ) counted JOIN ({categories}) c ON c.id = counted.category_id
    ORDER BY n DESC, c.slug LIMIT {facets_max}
) categories
"""


type Narrowing = Callable[[PostQuerySet], PostQuerySet]


@dataclass(frozen=True)
class Hit:
    post_id: uuid.UUID
    score: float
    """The higher the better, and comparable only within the results of one query on one engine."""


@dataclass(frozen=True)
class SearchResults:
    hits: list[Hit] = field(default_factory=list)
    total: int = 0
    """How many were ranked: at most 10,000, on SQLite 1,000."""
    is_truncated: bool = False
    """Whether there are more, and only the newest of them were ranked."""
    facets: Mapping[str, list[tuple[str, int]]] = field(default_factory=lambda: {"tags": [], "categories": []})
    """Slug and count of `tags` and `categories` over all ranked posts, the most frequent 100 first."""


def search_posts(
    query: str,
    *,
    user: Actor,
    now: datetime.datetime,
    among: Narrowing = PostQuerySet.posts,
    limit: int = 20,
    offset: int = 0,
) -> SearchResults:
    """Return the ids of posts that `user` may see at `now` and that match `query` (see `parse_query`), the best first.

    At most 100 hits at once. `among` narrows the visible posts, by default to all but pages; it repeats no row.
    The caller reads the posts by `visible_to` again: it neither shows nor quotes what was hidden meanwhile.
    """
    asked = parse_query(query)
    if not asked.required:
        return SearchResults()
    visible = Post.objects.visible_to(user, now)
    try:
        rows = _run(
            asked,
            among(visible),
            lambda: [among(part) for part in Post.objects.visible_parts(user, now)],
            Category.objects.visible_to(user),
            (max(0, min(limit, LIMIT_MAX)), max(0, min(offset, RANKED_MAX))),
        )
    except EmptyResultSet:  # the filters exclude one another
        return SearchResults()
    return _results(rows)


def filter_posts(posts: PostQuerySet, query: str) -> PostQuerySet:
    """Return those of `posts` that match `query`, in their own order, for lists. A query of nothing matches nothing."""
    asked = parse_query(query)
    if not asked.required:
        return posts.none()
    engine = _engine()
    condition, params = engine.condition(asked)
    matching = f"SELECT d.post_id FROM {engine.source} WHERE {condition}"  # noqa: S608 - typed text is in parameters
    return posts.filter(pk__in=RawSQL(matching, params))  # noqa: S611


def find_posts(posts: PostQuerySet, query: str) -> PostQuerySet:
    """Return those of `posts` that match `query`, or whose title has its words, the last one unfinished; for lists."""
    asked, wanted = parse_query(query), words_begun(query)
    if not asked.required:
        return posts.none()
    engine = _engine()
    condition, params = engine.condition(asked)
    begun, title = "d.suggestion LIKE %s", [f"%{wanted}%" if wanted else ""]
    if connection.vendor == "postgresql":
        # One condition on one table: two indexes answer it together, or none does where half of all posts match.
        matching = f"SELECT d.post_id FROM {engine.source} WHERE ({condition}) OR {begun}"  # noqa: S608
    else:
        texts = f"SELECT d.post_id FROM {engine.source} WHERE {condition}"  # noqa: S608
        matching = f"{texts} UNION SELECT d.post_id FROM cms_searchdocument d WHERE {begun}"  # noqa: S608
    return posts.filter(pk__in=RawSQL(matching, [*params, *title]))  # noqa: S611 - what was typed is in the parameters


def _engine() -> Engine:
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE


def _ranked_max() -> int:
    return min(RANKED_MAX, _engine().ranked_max)


def _run(
    asked: Query,
    posts: PostQuerySet,
    parts: Callable[[], Sequence[PostQuerySet]],
    categories: QuerySet[Category],
    page: tuple[int, int],
) -> list[tuple[str, str, float]]:
    """Search `posts`, which `parts` gives again: one condition is quicker for few posts, the parts for very many."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            return _rows(cursor, asked, [posts], categories, page)

    def hits() -> tuple[str, list[Any]]:
        condition, params = POSTGRESQL.condition(asked)
        ids, ids_params = posts.order_by().values("pk").query.sql_with_params()
        return f"{condition} AND d.post_id IN ({ids})", [*params, *ids_params]

    with transaction.atomic(), connection.cursor() as cursor, planner_set_up(cursor, hits, RANKED_MAX) as since:
        if since:
            rows = _rows(cursor, asked, parts(), categories, page, since)
            if _found(rows) > RANKED_MAX:
                return rows
        return _rows(cursor, asked, [posts], categories, page)


def _rows(
    cursor: Any,
    asked: Query,
    parts: Sequence[PostQuerySet],
    categories: QuerySet[Category],
    page: tuple[int, int],
    since: datetime.datetime | None = None,
) -> list[tuple[str, str, float]]:
    engine = _engine()
    condition, condition_params = engine.condition(asked)
    if since:
        # The documents of newer posts are a range of an index, which PostgreSQL combines with the index of words. For a
        # common word it then reads the newest documents, instead of all of them to find the newest.
        least, parts = least_id(since), [part.filter(created_at__gte=since) for part in parts]
        others, others_params = _columns_of([part.filter(pk__lt=least) for part in parts], "pk")
        condition += f" AND (d.post_id >= %s OR d.post_id = ANY(ARRAY({others})))"
        condition_params += [least, *others_params]
    visible, visible_params = _columns_of(parts, "id", "created_at")
    categories_sql, categories_params = categories.order_by().values("id", "slug").query.sql_with_params()
    score, score_params = engine.score(asked)
    statement = STATEMENT.format(
        carried=engine.carried,
        carried_join=engine.carried_join,
        score=score,
        source=engine.source,
        visible=visible,
        visible_join=engine.visible_join,
        condition=condition,
        categories=categories_sql,
        ranked_max=_ranked_max(),
        facets_max=FACETS_MAX,
    )
    params = [*visible_params, *condition_params, *score_params, *page, *categories_params]
    cursor.execute(statement, params)
    rows: list[tuple[str, str, float]] = cursor.fetchall()
    return rows


def _columns_of(parts: Sequence[PostQuerySet], *columns: str) -> tuple[str, list[Any]]:
    """Return the statement that gives these of all parts. Raises EmptyResultSet when nothing can be in any."""
    statements: list[str] = []
    params: list[Any] = []
    for part in parts:
        with contextlib.suppress(EmptyResultSet):  # its filters exclude one another
            statement, given = part.order_by().values(*columns).query.sql_with_params()
            statements.append(statement)
            params += given
    if not statements:
        raise EmptyResultSet
    return " UNION ALL ".join(statements), params


def _found(rows: list[tuple[str, str, float]]) -> int:
    [found] = [number for part, _, number in rows if part == "total"]
    return int(found)


def _results(rows: list[tuple[str, str, float]]) -> SearchResults:
    parts: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for part, name, number in rows:
        parts[part].append((name, number))
    [(_, found)] = parts["total"]
    return SearchResults(
        hits=sorted((Hit(uuid.UUID(name), score) for name, score in parts["hit"]), key=lambda hit: -hit.score),
        total=min(int(found), _ranked_max()),
        is_truncated=found > _ranked_max(),
        facets={name: [(slug, int(count)) for slug, count in parts[name]] for name in ("tags", "categories")},
    )
