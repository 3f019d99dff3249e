"""The index in PostgreSQL: a generated tsvector with a GIN index."""

from typing import Final

from cms.search.engine import Engine

POSTGRESQL: Final = Engine(
    # The planner takes @@ for a cheap operator and would read all documents where the index is three times as fast.
    before=("SET LOCAL enable_seqscan = off",),
    after=("SET LOCAL enable_seqscan TO DEFAULT",),
    source="cms_searchdocument d",
    match="d.vector @@ %s::tsquery",
    # The score, which is dear, is worked out of the ranked documents alone.
    carried="d.id",
    carried_join="JOIN cms_searchdocument d ON d.id = f.carried",
    # Of D, C, B, A: nothing, content, excerpt, title. A long text counts less, by 1 + log of its length.
    score="ts_rank('{0, 0.1, 0.4, 1}', d.vector, %s::tsquery, 1)",
    find="strpos",
    quote="'",
    prefix=":*",
    and_=" & ",
    or_=" | ",
    but_not="& !",
)
