"""Three-way merge: two changes of one text become one text, in bounded time. Pure: it knows nothing of posts.

Lines first, as diff3 merges them (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007). A paragraph is one
line of Markdown, so lines that both have changed are merged word by word.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cms.text.diff import Budget, matching_blocks

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")


class Overlap(NamedTuple):
    """A place that both have changed, each in another way."""

    base: str
    theirs: str
    mine: str


class Merge(NamedTuple):
    """`text` holds both changes; at the `overlaps` it holds mine."""

    text: str
    overlaps: tuple[Overlap, ...]


def merge_texts(base: str, theirs: str, mine: str) -> Merge:
    """Return both changes of `base` in one text."""
    budget = Budget()  # once it is spent, equal words are no longer found, and their places are overlaps
    parts: list[str] = []
    overlaps: list[Overlap] = []
    for old, their, my in _regions(_LINES.findall(base), _LINES.findall(theirs), _LINES.findall(mine), budget):
        found = _chosen(old, their, my)
        if found is None:
            merged = _merge_words(old, their, my, budget)
            overlaps += merged.overlaps
            found = merged.text
        parts.append(found)
    return Merge("".join(parts), tuple(overlaps))


def _merge_words(base: str, theirs: str, mine: str, budget: Budget) -> Merge:
    parts: list[str] = []
    for old, their, my in _regions(_WORDS.findall(base), _WORDS.findall(theirs), _WORDS.findall(mine), budget):
        found = _chosen(old, their, my)
        if found is None:  # words of both, mixed, would make a sentence that nobody wrote
            return Merge(mine, (Overlap(base, theirs, mine),))
        parts.append(found)
    return Merge("".join(parts), ())


def _chosen(base: str, theirs: str, mine: str) -> str | None:
    """Return the one that changed, or None where both did."""
    if theirs in (base, mine):
        return mine
    return theirs if mine == base else None


def _regions(
    base: Sequence[str], theirs: Sequence[str], mine: Sequence[str], budget: Budget
) -> Iterator[tuple[str, str, str]]:
    """Yield the three texts in pieces, in turn those that all have alike and those between them."""
    at = (0, 0, 0)
    for start, size in (*_common(base, theirs, mine, budget), ((len(base), len(theirs), len(mine)), 0)):
        pieces = zip((base, theirs, mine), at, start, strict=True)
        old, their, my = ("".join(text[begin:end]) for text, begin, end in pieces)
        yield old, their, my
        same = "".join(base[start[0] : start[0] + size])
        yield same, same, same
        at = (start[0] + size, start[1] + size, start[2] + size)


def _common(
    base: Sequence[str], theirs: Sequence[str], mine: Sequence[str], budget: Budget
) -> Iterator[tuple[tuple[int, int, int], int]]:
    """Yield where a run of equal lines begins in each of the three, and how long it is."""
    to_theirs, to_mine = (list(matching_blocks(base, other, budget)) for other in (theirs, mine))
    i = j = 0
    while i < len(to_theirs) and j < len(to_mine):
        (one, their, size), (two, my, length) = to_theirs[i], to_mine[j]
        start, end = max(one, two), min(one + size, two + length)
        if start < end:
            yield (start, their + start - one, my + start - two), end - start
        if one + size < two + length:
            i += 1
        else:
            j += 1
