"""A search of a common word among very many documents reads the newest of them alone. PostgreSQL only.

A search ranks the newest 10,000 matches. To find them, PostgreSQL reads all matches: 100,000 documents for a word in a
tenth of a million posts. So `search_posts` takes three steps:

1. `guess_instant` counts the matches among the newest 4,000 posts. If 400 of them match, 10,000 matches need about the
   newest 100,000 posts. The planner's statistics tell when the oldest of these was made.
2. `made_since` limits the search to posts made from that instant on.
3. If that gives 10,000 matches, they are the newest ones. If it gives fewer, all posts are searched.

So a guess decides about time alone, never about the result.
"""

import datetime
import math
import uuid
from collections.abc import Sequence
from typing import Any, Final

from cms.querysets.posts import PostQuerySet
from cms.search.engine import Condition, union_of
from cms.search.postgresql import POSTGRESQL
from cms.search.queries import Query

MANY: Final = 100_000
"""Documents; up to so many it doesn't matter how many of them match."""
SAMPLED: Final = 4_000
DEVIATIONS: Final = 2.5
"""The margin of the newest posts over the matches wanted, in standard deviations of the sample's number of matches.

Each one makes a word in one post of twenty cost a twelfth more. A guess that falls short (6 in 1,000) costs five times
as much. Both together are least here.
"""
SHARE_MAX: Final = 0.5
"""The share of all posts above which it saves nothing to read the newest alone."""


def guess_instant(
    cursor: Any, asked: Query, posts: PostQuerySet, *, wanted: int, documents: float
) -> datetime.datetime | None:
    """Return the instant since which there may be as many matches as wanted; None where it would save nothing."""
    condition, params = POSTGRESQL.condition(asked)
    ids, ids_params = posts.order_by().values("pk").query.sql_with_params()
    cursor.execute(
        f"""
        SELECT (
            SELECT count(*) FROM (
                SELECT * FROM cms_searchdocument ORDER BY post_id DESC LIMIT {SAMPLED}
            ) d WHERE {condition} AND d.post_id IN ({ids})
        ), (
            SELECT histogram_bounds::text::timestamptz[] FROM pg_stats
            WHERE schemaname = current_schema() AND tablename = 'cms_post' AND attname = 'created_at'
        )
        """,  # noqa: S608 - what was typed is in the parameters
        [*params, *ids_params],
    )
    matching, instants = cursor.fetchone()
    if not (matching and instants):
        return None
    spare = 1 + DEVIATIONS / math.sqrt(matching)
    share = spare * wanted * SAMPLED / matching / documents
    # The instants cut all posts into parts of the same number.
    since: datetime.datetime | None = None
    if share < SHARE_MAX:
        since = instants[-1 - math.ceil(share * (len(instants) - 1))]
    return since


def made_since(parts: Sequence[PostQuerySet], since: datetime.datetime) -> tuple[list[PostQuerySet], Condition]:
    """Return the posts of `parts` that were made since then, and the same as a condition on documents `d`.

    Documents have no instant, but ids of posts sort as their instants do, unless somebody chose one. So documents of
    newer posts are a range of an index, which PostgreSQL combines with the index of words; those with an older id are
    added.
    """
    newer, least = [part.filter(created_at__gte=since) for part in parts], _least_id(since)
    others, params = union_of([part.filter(pk__lt=least) for part in newer], "pk")
    return newer, (f" AND (d.post_id >= %s OR d.post_id = ANY(ARRAY({others})))", [least, *params])


def _least_id(instant: datetime.datetime) -> uuid.UUID:
    return uuid.UUID(int=int(instant.timestamp() * 1000) << 80)
