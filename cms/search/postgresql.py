"""The index in PostgreSQL: a generated tsvector with a GIN index."""

import datetime
import math
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from cms.search.engine import Engine

_SETTINGS: Final = {
    # The planner takes @@ for a cheap operator and would read all documents where the index is three times as fast.
    "enable_seqscan": "off",
    # They cost more than they bring: what takes time is reading documents, and a search is one of many at a time.
    "max_parallel_workers_per_gather": "0",
    # Room for the matches of a common word among a million posts, document by document.
    "work_mem": "32MB",
}
POSTGRESQL: Final[Engine] = Engine(
    source="cms_searchdocument d",
    match="d.vector @@ %s::tsquery",
    visible_join="JOIN",
    ranked_max=10_000,
    # The score, which is dear, is worked out of the ranked documents alone.
    carried="d.ctid",
    carried_join="JOIN cms_searchdocument d ON d.ctid = f.carried",
    # The weights of D, C, B, A: nothing, content, excerpt, title. A long text counts less, by 1 + log of its length.
    score=lambda query: ("ts_rank('{0, 0.1, 0.4, 1}', d.vector, %s::tsquery, 1)", [POSTGRESQL.required(query)]),
    find="strpos",
    quote="'",
    prefix=":*",
    and_=" & ",
    or_=" | ",
    but_not="& !",
)

_SET: Final = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())
_RESET: Final = "; ".join(f"SET LOCAL {name} TO DEFAULT" for name in _SETTINGS)
_LARGE: Final = 100_000
"""Documents; up to so many it doesn't matter how many of them match."""
_SAMPLED: Final = 4_000
_DEVIATIONS: Final = 2.5
"""The margin of the newest posts over the matches wanted, in standard deviations of the sample's number of matches.

Each one makes a word in one post of twenty cost a twelfth more. A guess that falls short (6 in 1,000) costs five times
as much. Both together are least here.
"""
_SHARE_MAX: Final = 0.5
"""The share of all posts above which it saves nothing to read the newest alone."""


@contextmanager
def planner_set_up(
    cursor: Any, hits: Callable[[], tuple[str, Sequence[Any]]], wanted: int
) -> Iterator[datetime.datetime | None]:
    """Apply the settings of a search, in a transaction. Yield the instant since which there may be enough matches.

    It is a guess, by the newest documents and the planner's statistics, and None where it would save nothing to know.
    `hits` gives the condition on documents, with its parameters, and is called only among very many.
    """
    cursor.execute(f"SELECT reltuples, {_SET} FROM pg_class WHERE oid = 'cms_searchdocument'::regclass")  # noqa: S608
    documents, *_ = cursor.fetchone()
    yield _since(cursor, *hits(), wanted, documents) if documents > _LARGE else None
    cursor.execute(_RESET)


def _since(
    cursor: Any, condition: str, params: Sequence[Any], wanted: int, documents: float
) -> datetime.datetime | None:
    cursor.execute(
        f"""
        SELECT (
            SELECT count(*) FROM (
                SELECT * FROM cms_searchdocument ORDER BY post_id DESC LIMIT {_SAMPLED}
            ) d WHERE {condition}
        ), (
            SELECT histogram_bounds::text::timestamptz[] FROM pg_stats
            WHERE schemaname = current_schema() AND tablename = 'cms_post' AND attname = 'created_at'
        )
        """,  # noqa: S608 - what was typed is in the parameters
        params,
    )
    matching, instants = cursor.fetchone()
    if not (matching and instants):
        return None
    spare = 1 + _DEVIATIONS / math.sqrt(matching)
    share = spare * wanted * _SAMPLED / matching / documents
    since: datetime.datetime | None = None
    if share < _SHARE_MAX:
        since = instants[-1 - math.ceil(share * (len(instants) - 1))]
    return since


def least_id(instant: datetime.datetime) -> uuid.UUID:
    """Return the least id of a post made at this instant: ids sort as instants do, unless somebody chose one."""
    return uuid.UUID(int=int(instant.timestamp() * 1000) << 80)
