"""Searching posts: which match, how well, and with which tags, always among those that the reader may see."""

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
from cms.search import newest
from cms.search.engine import Condition, Engine, union_of
from cms.search.postgresql import POSTGRESQL, planner_set_up
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
type Row = tuple[str, str, float]
"""A row of STATEMENT: which part of the results it is, an id or slug, and a score or count."""


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
) -> list[Row]:
    """Search `posts`, which `parts` gives again: one condition is quicker for few posts, the parts for very many."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            return _rows(cursor, asked, [posts], categories, page)
    with transaction.atomic(), connection.cursor() as cursor, planner_set_up(cursor) as documents:
        since = None
        if documents > newest.MANY:
            since = newest.guess_instant(cursor, asked, posts, wanted=RANKED_MAX, documents=documents)
        if since:
            newer, made_since = newest.made_since(parts(), since)
            rows = _rows(cursor, asked, newer, categories, page, made_since)
            if _found(rows) > RANKED_MAX:
                return rows
        return _rows(cursor, asked, [posts], categories, page)


def _rows(
    cursor: Any,
    asked: Query,
    parts: Sequence[PostQuerySet],
    categories: QuerySet[Category],
    page: tuple[int, int],
    more: Condition = ("", []),
) -> list[Row]:
    engine = _engine()
    condition, condition_params = engine.condition(asked)
    visible, visible_params = union_of(parts, "id", "created_at")
    categories_sql, categories_params = categories.order_by().values("id", "slug").query.sql_with_params()
    score, score_params = engine.score(asked)
    statement = STATEMENT.format(
        carried=engine.carried,
        carried_join=engine.carried_join,
        score=score,
        source=engine.source,
        visible=visible,
        visible_join=engine.visible_join,
        condition=condition + more[0],
        categories=categories_sql,
        ranked_max=_ranked_max(),
        facets_max=FACETS_MAX,
    )
    params = [*visible_params, *condition_params, *more[1], *score_params, *page, *categories_params]
    cursor.execute(statement, params)
    rows: list[Row] = cursor.fetchall()
    return rows


def _found(rows: list[Row]) -> int:
    [found] = [number for part, _, number in rows if part == "total"]
    return int(found)


def _results(rows: list[Row]) -> SearchResults:
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
