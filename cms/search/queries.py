"""A typed text as a query of the index. Any text is a query; one that means nothing asks for nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cms.search.english import IGNORED, STOP_WORDS, english_key
from cms.search.words import Word, words_of

QUERY_MAX: Final = 500  # characters; the rest is not read
TERMS_MAX: Final = 32
PHRASES_MAX: Final = 8
"""So many required ones and so many excluded ones: each looks through the texts of all that has its words."""
_QUOTES: Final = str.maketrans("“”„«»", '"' * 5)
# A quoted phrase or a run without blanks; commas separate as blanks do. A quote without its twin is a plain character.
_PARTS: Final = re.compile(r'(-?)(?:"([^"]*)"|([^\s,;，、;]+))')


@dataclass(frozen=True)
class Form:
    """Words that stand next to each other, as the index holds them; `IGNORED` stands for any stop word."""

    keys: tuple[str, ...]
    is_prefix: bool = False
    """Whether the last of them is only the beginning of a word."""

    @property
    def indexed_keys(self) -> tuple[str, ...]:
        return tuple(key for key in self.keys if key != IGNORED)

    @property
    def text(self) -> str:
        """Return the text that a document with this form contains."""
        return f" {' '.join(self.keys)}{'' if self.is_prefix else ' '}"


@dataclass(frozen=True)
class Term:
    """A word or a phrase: a document matches when it has any of the forms, one for English texts and one for others."""

    forms: tuple[Form, ...]

    @property
    def is_phrase(self) -> bool:
        """Whether an index of words can't answer it alone."""
        return any(len(form.keys) > 1 for form in self.forms)


@dataclass(frozen=True)
class Query:
    """Every one of `required` must match, none of `excluded`; without a required term nothing matches."""

    required: tuple[Term, ...]
    excluded: tuple[Term, ...]


def parse_query(text: str) -> Query:
    """Words, all of which must match; "a phrase"; -excluded. Stop words count only where there is nothing else."""
    required: dict[Term, bool] = {}
    excluded: dict[Term, bool] = {}
    for is_excluded, words in _parts(text[:QUERY_MAX]):
        term = Term(tuple(_forms(words)))
        is_stop = all(word.key in STOP_WORDS for word in words)
        (excluded if is_excluded else required)[term] = is_stop
    telling = tuple(term for term, is_stop in required.items() if not is_stop)
    return Query(_read(telling or tuple(required)), _read(tuple(excluded)))


def _read(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return the first of each kind. Further ones are not asked for."""
    phrases = [term for term in terms if term.is_phrase]
    beyond = {*phrases[PHRASES_MAX:]}
    return tuple(term for term in terms if term not in beyond)[:TERMS_MAX]


def _parts(text: str) -> Iterator[tuple[bool, list[Word]]]:
    for minus, phrase, run in _PARTS.findall(text.translate(_QUOTES)):
        if words := list(words_of(phrase or run)):
            yield bool(minus), words


def _forms(words: list[Word]) -> Iterator[Form]:
    keys, is_prefix = [word.key for word in words], False
    if words[-1].is_run_end:
        # In a text the run may go on: its pairs are what both have, and a single character is the beginning of a pair.
        is_pair_before = len(words) > 1 and words[-2].is_run_part and not words[-2].is_run_end
        is_prefix = not is_pair_before
        keys = keys[:-1] if is_pair_before else keys
    plain = Form(tuple(keys), is_prefix)
    english = Form(tuple(_without_ignored_ends([english_key(key) for key in keys])), is_prefix)
    yield plain
    if english.keys and english != plain:
        yield english


def _without_ignored_ends(keys: list[str]) -> list[str]:
    telling = [index for index, key in enumerate(keys) if key != IGNORED]
    return keys[telling[0] : telling[-1] + 1] if telling else []
