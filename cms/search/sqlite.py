"""The index in SQLite: an FTS5 table over the documents. It finds; the score is worked out from what was found.

The score looks through texts, so few documents and few terms are weighed, and a request's statement ends in time.

FTS5's own bm25() counts the documents that have a word, hidden ones too: a score would tell strangers of drafts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection

from cms.costs.answering import is_answering
from cms.search.engine import Engine
from cms.search.queries import Form, Query, Term

_WEIGHTS: Final = {"title": 10, "excerpt": 4, "content": 1}
"""In the proportions of the other engine."""
_WEIGHED: Final = {"title": "d.title", "excerpt": "d.excerpt", "content": "substr(d.content, 1, 10000)"}
"""The beginning of a content counts: each term looks through it, and it may have a megabyte."""
_SATURATION: Final = 1.2
_SHARE_OF_LENGTH: Final = 0.75
"""BM25's k1 and b (Robertson and Zaragoza 2009, section 3.5). The mean length is a constant, and no word is rarer."""
_LENGTH_MEAN: Final = 5_000
_TERMS_WEIGHED: Final = 4
_STATEMENT_S: Final = 1.0
"""Seconds of processor time: on a busy machine the same search is answered, later."""
_STEPS_BETWEEN_LOOKS: Final = 50_000
"""Steps of SQLite's machine, some milliseconds. Each look waits for Python's lock."""


@contextmanager
def ended_when_long() -> Iterator[None]:
    """End a request's statement that takes longer, by an OperationalError: PostgreSQL ends those of requests too."""
    if connection.vendor != "sqlite" or not is_answering():
        yield
        return
    with connection.execute_wrapper(_limited):
        try:
            yield
        finally:
            _look_at(None)


def _limited(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    ends_at = time.thread_time() + _STATEMENT_S
    _look_at(lambda: time.thread_time() > ends_at)
    return execute(sql, params, many, context)


def _look_at(is_over: Callable[[], bool] | None) -> None:
    raw: Any = connection.connection
    if raw is not None:
        raw.set_progress_handler(is_over, _STEPS_BETWEEN_LOOKS)


def _score(query: Query) -> tuple[str, list[Any]]:
    """Return the sum over the terms of w / (w + k): w is a term's weighted number of places in a document."""
    parts: list[str] = []
    params: list[Any] = []
    length = f"{1 - _SHARE_OF_LENGTH} + {_SHARE_OF_LENGTH} * length({_WEIGHED['content']}) / {_LENGTH_MEAN}"
    for term in query.required[:_TERMS_WEIGHED]:
        weight, weight_params = _weight(term)
        weighed = f"SELECT CAST({weight} AS real) AS w"
        parts.append(f"(SELECT w / (w + {_SATURATION} * ({length})) FROM ({weighed}))")  # noqa: S608 - by parameters
        params += weight_params
    return " + ".join(parts), params


def _weight(term: Term) -> tuple[str, list[Any]]:
    """Take the form that stands there most: one is for English texts, one for others."""
    weights = [_weight_of(form) for form in term.forms]
    params = [param for _, given in weights for param in given]
    sql = ", ".join(sql for sql, _ in weights)
    return (f"max({sql})" if len(weights) > 1 else sql), params


def _weight_of(form: Form) -> tuple[str, list[Any]]:
    # A text stands between blanks, so one of two blanks is left for a neighbour that is the same.
    found = [
        f"{weight} * ((length({_WEIGHED[name]}) - length(replace({_WEIGHED[name]}, %s, ' '))) / %s)"
        for name, weight in _WEIGHTS.items()
    ]
    return f"({' + '.join(found)})", [form.text, len(form.text) - 1] * len(_WEIGHTS)


SQLITE: Final = Engine(
    # In this order: its planner would ask the index once for each post.
    source="cms_searchdocument_fts CROSS JOIN cms_searchdocument d ON d.id = cms_searchdocument_fts.rowid",
    match="cms_searchdocument_fts MATCH %s",
    visible_join="CROSS JOIN",
    ranked_max=1_000,
    carried="d.id",
    carried_join="JOIN cms_searchdocument d ON d.id = f.carried",
    score=_score,
    find="instr",
    quote='"',
    prefix=" *",
    and_=" AND ",
    or_=" OR ",
    but_not="NOT",
)
