"""The differences between the two engines, in `postgresql.py` and `sqlite.py`, and how to write a query for either."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet

from cms.querysets.posts import PostQuerySet
from cms.search.queries import Form, Query, Term

type Condition = tuple[str, list[Any]]
"""SQL over `d`, and its parameters."""


@dataclass(frozen=True)
class Engine:
    """An index of words, as SQL fragments over `d`, the documents.

    `%s` in `match` is the query as the index takes it.
    """

    source: str
    match: str
    visible_join: str
    """How the posts that somebody may see are joined to `source`."""
    ranked_max: int
    """So many documents are ranked, the newest, of those that match."""
    carried: str
    """The input of `score` from a document that was found, as `f.carried`, with `carried_join` behind `f`."""
    carried_join: str
    score: Callable[[Query], tuple[str, list[Any]]]
    """The SQL that ranks a document that was found, and its parameters. It may depend on that document alone."""
    find: str
    """The function that gives the place of a text in a text, 0 when there is none."""
    quote: str
    prefix: str
    """The mark after a word that is only the beginning of one."""
    and_: str
    or_: str
    but_not: str

    def condition(self, query: Query) -> Condition:
        """Return the whole condition on `d` and its parameters.

        The index is asked for the words of a phrase, and the text whether they are neighbours. So both engines agree:
        a tsvector remembers neither places beyond 16,383 nor more than 256 of a word.
        """
        phrases = [("", term) for term in query.required if term.is_phrase]
        phrases += [("NOT ", term) for term in query.excluded if term.is_phrase]
        parts, params = [self.match], [self._words_asked(query)]
        for negation, term in phrases:
            found = [f"{self.find}(d.{name}, %s) > 0" for name in ("title", "excerpt", "content") for _ in term.forms]
            parts.append(f"{negation}({' OR '.join(found)})")
            params += [form.text for form in term.forms] * 3
        return " AND ".join(parts), params

    def _words_asked(self, query: Query) -> str:
        excluded = [f"({self._any_form(term)})" for term in query.excluded if not term.is_phrase]
        required = self.required(query)
        return f"({required}) {self.but_not} ({self.or_.join(excluded)})" if excluded else required

    def required(self, query: Query) -> str:
        return self.and_.join(f"({self._any_form(term)})" for term in query.required)

    def _any_form(self, term: Term) -> str:
        return self.or_.join(f"({self._all_words(form)})" for form in term.forms)

    def _all_words(self, form: Form) -> str:
        words = [f"{self.quote}{key}{self.quote}" for key in form.indexed_keys]
        if form.is_prefix:
            words[-1] += self.prefix
        return self.and_.join(dict.fromkeys(words))


def union_of(parts: Sequence[PostQuerySet], *columns: str) -> tuple[str, list[Any]]:
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
