"""Showing where a query was found: escaped text with <mark> around words, and the part of a content with most marks."""

import html
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from cms.search.english import english_key, is_english
from cms.search.nearby import WORD_CHARACTERS, parts_near
from cms.search.queries import Form, Query
from cms.search.words import Word, places_of, words_of
from cms.text.rendering import plain_text

SNIPPET_CHARACTERS: Final = 240
LEAD_CHARACTERS: Final = 60
# The rest of a long content is found and not quoted: cutting it into words takes longer than the search.
READ_MAX: Final = 100_000
READ_TOGETHER_MAX: Final = 2_000_000
"""Characters of all contents of one answer that are looked through for the beginnings of the query's words."""
CUT_TOGETHER_MAX: Final = 100_000
"""Characters of all texts of one answer that are cut into words: half a second for the dearest texts and queries."""

type Span = tuple[int, int]


def highlight_post(post: Any, query: Query, *, hits: int = 1) -> dict[str, str]:
    """Return HTML by `title`, `excerpt` and `snippet`, without any of the post's own markup.

    The more `hits` an answer has, the less is read of each one's content: of up to twenty, `READ_MAX`.
    """
    content = plain_text(post.content_html[: min(READ_MAX, READ_TOGETHER_MAX // hits)])
    content = unicodedata.normalize("NFC", content)
    search = _Search(query, is_in_english=is_english(post.language), characters=CUT_TOGETHER_MAX // hits)
    return {
        "title": _mark(post.title, search.find(post.title)),
        "excerpt": _mark(post.excerpt, search.find(post.excerpt)),
        "snippet": _snippet(content, search.find(content)),
    }


class _Search:
    """Look for a query in the texts of one post, and cut no more than so many `characters` into words."""

    def __init__(self, query: Query, *, is_in_english: bool, characters: int) -> None:
        self._forms = [form for term in query.required for form in term.forms]
        self._is_in_english, self._left = is_in_english, characters
        self._is_of_words = all(len(form.keys) == 1 and not form.is_prefix for form in self._forms)
        self._wanted = {form.keys[0] for form in self._forms}

    def find(self, text: str) -> list[Span]:
        """Return the places of any of the forms, in order and without overlaps."""
        if self._is_of_words and text.isascii():
            initials = {key[0] for key in self._wanted}  # a stem has the word's first letter
            return _merged(places_of(text, self._is_wanted, initials))
        spans: list[Span] = []
        for start, end in parts_near(text, self._forms, is_in_english=self._is_in_english, characters=self._left):
            self._left -= end - start
            spans += [(start + first, start + last) for first, last in self._find_all(text[start:end])]
        return _merged(spans)

    def _is_wanted(self, key: str) -> bool:
        """Return whether this is one of the words. It is asked once for each word of a text."""
        if not self._is_in_english or self._left <= 0:
            return key in self._wanted
        self._left -= WORD_CHARACTERS  # to find its stem takes as long as to cut as many characters into words
        return english_key(key) in self._wanted

    def _find_all(self, text: str) -> Iterable[Span]:
        words = list(words_of(text))
        keys = [english_key(word.key) if self._is_in_english else word.key for word in words]
        by_first: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            by_first.setdefault(key, []).append(index)
        for form in self._forms:
            if len(form.keys) == 1 and form.is_prefix:
                starts = [index for key, all_of in by_first.items() if key.startswith(form.keys[0]) for index in all_of]
            else:
                starts = by_first.get(form.keys[0], [])
            yield from (_span(words, start, form) for start in starts if _stands_at(keys, start, form))


def _stands_at(keys: list[str], start: int, form: Form) -> bool:
    found = keys[start : start + len(form.keys)]
    if len(found) < len(form.keys):
        return False
    *body, last = form.keys
    is_last = found[-1].startswith(last) if form.is_prefix else found[-1] == last
    return is_last and found[:-1] == body


def _span(words: list[Word], start: int, form: Form) -> Span:
    last = words[start + len(form.keys) - 1]
    # A pair of characters that only begins with the query's last word: mark its first character.
    is_half = form.is_prefix and last.is_run_part and last.end - last.start == 2
    return words[start].start, last.start + 1 if is_half else last.end


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _mark(text: str, spans: list[Span]) -> str:
    parts, position = [], 0
    for start, end in spans:
        parts += [html.escape(text[position:start]), "<mark>", html.escape(text[start:end]), "</mark>"]
        position = end
    return "".join([*parts, html.escape(text[position:])])


def _snippet(text: str, spans: list[Span]) -> str:
    """Return the part with the most marks, the first of such; without any, the beginning."""
    best, most, ahead = 0, 0, 0
    for index, (start, _) in enumerate(spans):
        while ahead < len(spans) and spans[ahead][1] <= start + SNIPPET_CHARACTERS - LEAD_CHARACTERS:
            ahead += 1
        if ahead - index > most:
            best, most = start, ahead - index
    first = _at_blank(text, max(0, best - LEAD_CHARACTERS), best)
    last = min(len(text), first + SNIPPET_CHARACTERS)
    if last < len(text) and (blank := text.rfind(" ", first + SNIPPET_CHARACTERS // 2, last)) > 0:
        last = blank
    inside = [(start - first, min(end, last) - first) for start, end in spans if first <= start < last]
    marked = _mark(text[first:last], inside)
    return f"{'…' if first else ''}{marked}{'…' if last < len(text) else ''}"


def _at_blank(text: str, earliest: int, latest: int) -> int:
    """Return the beginning of a word from `earliest` on, so that no word is cut; `earliest` where there is none."""
    blank = text.find(" ", earliest, latest) if earliest else -1
    return blank + 1 if blank >= 0 else earliest
