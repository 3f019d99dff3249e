"""The index in PostgreSQL: a generated tsvector with a GIN index."""

from collections.abc import Iterator
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


@contextmanager
def planner_set_up(cursor: Any) -> Iterator[float]:
    """Apply the settings of a search, in a transaction. Yield how many documents there are, as PostgreSQL estimates."""
    cursor.execute(f"SELECT reltuples, {_SET} FROM pg_class WHERE oid = 'cms_searchdocument'::regclass")  # noqa: S608
    documents, *_ = cursor.fetchone()
    yield documents
    cursor.execute(_RESET)
