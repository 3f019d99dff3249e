"""The parts of a text in which a query may be found: quick to tell, and only they are cut into words."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Final

from cms.search.queries import Form
from cms.search.words import fold, is_unspaced, is_within_words, unspell

WORD_CHARACTERS: Final = 8
"""Characters of a word, with what separates it from the next one."""
_ENDING_MAX: Final = 2
"""Letters at the end of an English stem that its word may not have: `agenci` is one of agency, `die` one of dying."""
_LONGEST_END: Final = 64
# Half-width Kana and their voice marks are one character when they are folded: no single one says what they become.
_JOINED: Final = re.compile("[\uff9e\uff9f]")


class _Folding(dict[int, str]):
    """Each character as words are folded, and a blank for those of no word."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _folded(chr(code))
        return folded


def parts_near(
    text: str, forms: Collection[Form], *, is_in_english: bool, characters: int
) -> Iterator[tuple[int, int]]:
    """Yield the parts around all places where one of the forms may begin, in order, of so many characters together.

    `text` is in Unicode's form NFC, or its parts may be too few. A part begins and ends with a word.
    """
    reach = max((_reach(form) for form in forms), default=0)
    if _JOINED.search(text):
        yield 0, min(len(text), characters)
        return
    start = end = 0
    for place in _beginnings(text, forms, is_in_english=is_in_english):
        if place >= end:
            if end:
                yield start, end
                characters -= end - start
            start = place
        if (end := min(place + reach, start + characters)) <= start:
            return
        end = _word_end(text, end)
    if end:
        yield start, end


def _reach(form: Form) -> int:
    """Return the characters that the form may take in a text, with blanks and endings."""
    return sum(2 * len(unspell(key)) + WORD_CHARACTERS for key in form.keys)


def _beginnings(text: str, forms: Collection[Form], *, is_in_english: bool) -> Iterator[int]:
    """Yield the places where the first word of a form may begin."""
    begun = {written for form in forms for written in (form.keys[0], unspell(form.keys[0]))}
    if not begun:
        return
    folding = _Folding()
    folded = text.translate(folding)
    places: Sequence[int] = range(len(text))
    if any(len(found) != 1 for found in folding.values()):
        places = [index for index, character in enumerate(text) for _ in folding[ord(character)]]
    if is_in_english:
        begun = {written[: max(1, len(written) - _ENDING_MAX)] if written.isascii() else written for written in begun}
    for match in re.finditer("|".join(map(re.escape, sorted(begun))), folded):
        before = folded[match.start() - 1] if match.start() else " "
        if not before.isalnum() or is_unspaced(before) or is_unspaced(match[0]):
            yield places[match.start()]


def _word_end(text: str, place: int) -> int:
    """Return the end of the word in which `place` is; a script without blanks may be cut anywhere."""
    if place >= len(text) or is_unspaced(text[place]):
        return min(place, len(text))
    ends = (end for end in range(place, min(len(text), place + _LONGEST_END)) if not is_within_words(text[end]))
    return next(ends, min(len(text), place + _LONGEST_END))


@lru_cache(maxsize=50_000)
def _folded(character: str) -> str:
    return fold(character) if is_within_words(character) else " "
