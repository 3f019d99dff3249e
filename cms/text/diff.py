"""The difference between two texts as a unified diff, in bounded time. Pure: it knows nothing of revisions.

`difflib` alone is cubic for repeating lines. A cap that bounds it, 200 lines, would show a longer post as replaced
whole.
"""

import difflib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

CONTEXT_LINES: Final = 3
# Python's matcher takes quadratic time and more for texts of many equal or alternating lines. Lines that occur once in
# both texts cut them into gaps in n log n (the patience diff of Bram Cohen). The matcher then sees only gaps of at most
# this many pairs of lines or words, and no more of them than fit the budget.
GAP_PAIRS_MAX: Final = 10_000
PAIRS_BUDGET: Final = 400_000
WORD_PAIRS_BUDGET: Final = 2_000_000
"""Pairs of words that one difference may look at; lines beyond are shown as replaced whole."""
PLACE_MAX: Final = 40_000
"""Characters of a changed place, in both texts together, whose words are looked at."""
CHANGES_MAX: Final = 10_000
"""The most changed places that are kept apart; all that follow count as one more."""
PIECES_MAX: Final = 4_000
"""A page shows about so many pieces of a difference, and a sentence in place of the rest."""
_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")
_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")

type Block = tuple[int, int, int]
"""Where equal lines begin in either text, and how many they are."""


class Budget:
    """Pairs that one difference or one merge may still look at, in all of its parts together."""

    def __init__(self, pairs: int = PAIRS_BUDGET) -> None:
        self._left = pairs

    def spend(self, pairs: int) -> bool:
        """Return whether so many are left, and take them."""
        if pairs > self._left:
            return False
        self._left -= pairs
        return True


class Piece(NamedTuple):
    """A part of one text or of both.

    `left_out` stands for equal lines between two changes, `cut` for further changes. Neither has a text.
    """

    kind: Literal["same", "gone", "new", "left_out", "cut"]
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Return what changed, word by word, with some lines around; empty when nothing differs."""
    old, new = _LINES.findall(before), _LINES.findall(after)
    pieces: list[Piece] = []
    words, budget = Budget(WORD_PAIRS_BUDGET), Budget()
    for hunk in _BoundedMatcher(old, new, budget).get_grouped_opcodes(CONTEXT_LINES):
        if hunk[0][1] or hunk[0][3]:
            pieces.append(Piece("left_out", ""))
        for tag, i1, i2, j1, j2 in hunk:
            if len(pieces) >= PIECES_MAX:
                return [*pieces, Piece("cut", "")]
            gone, come = "".join(old[i1:i2]), "".join(new[j1:j2])
            found = [Piece("same", gone)] if tag == "equal" else _changed_words(*_words(gone, come, words), budget)
            _append(pieces, found)
    return pieces


def _append(pieces: list[Piece], more: Iterable[Piece]) -> None:
    """Append pieces, joined to the last one if both are of one kind."""
    for piece in more:
        if pieces and pieces[-1].kind == piece.kind:
            pieces[-1] = Piece(piece.kind, pieces[-1].text + piece.text)
        else:
            pieces.append(piece)


def _words(gone: str, come: str, budget: Budget) -> tuple[list[str], list[str]]:
    """Return the words of a changed place, or each text as one word if they would take too long."""
    if len(gone) + len(come) <= PLACE_MAX:
        old, new = _WORDS.findall(gone), _WORDS.findall(come)
        if budget.spend(len(old) * len(new)):
            return old, new
    return [gone], [come]


def _changed_words(old: list[str], new: list[str], budget: Budget) -> Iterator[Piece]:
    for tag, i1, i2, j1, j2 in _BoundedMatcher(old, new, budget).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(old[i1:i2]))
            continue
        if i1 < i2:
            yield Piece("gone", "".join(old[i1:i2]))
        if j1 < j2:
            yield Piece("new", "".join(new[j1:j2]))


def unified_diff(before: str, after: str) -> str:
    """Return hunks as `diff -u` writes them, without the two lines that name files; empty when nothing differs."""
    old, new = before.split("\n"), after.split("\n")
    matcher = _BoundedMatcher(old, new, Budget())
    return "\n".join(line for hunk in matcher.get_grouped_opcodes(CONTEXT_LINES) for line in _written(hunk, old, new))


def _written(hunk: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]) -> Iterator[str]:
    (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = hunk[0], hunk[-1]
    yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@"
    for tag, i1, i2, j1, j2 in hunk:
        if tag == "equal":
            yield from (f" {line}" for line in old[i1:i2])
            continue
        yield from (f"-{line}" for line in old[i1:i2])
        yield from (f"+{line}" for line in new[j1:j2])


def _range(start: int, end: int) -> str:
    """Return a range as diff's manual has it: an empty one names the line before it, one line has no length."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


class _BoundedMatcher(difflib.SequenceMatcher[str]):
    """Python's matcher with a matching of our own underneath: its opcodes and their grouping are made of the blocks."""

    def __init__(self, old: list[str], new: list[str], budget: Budget) -> None:
        super().__init__(None, (), (), autojunk=False)  # it would index both texts at once
        self.a, self.b, self._budget = old, new, budget

    def get_matching_blocks(self) -> list[difflib.Match]:
        merged: list[Block] = []
        for i, j, size in matching_blocks(self.a, self.b, self._budget):
            if merged and (i, j) == (merged[-1][0] + merged[-1][2], merged[-1][1] + merged[-1][2]):
                merged[-1] = (*merged[-1][:2], merged[-1][2] + size)
            else:
                merged.append((i, j, size))
        return [difflib.Match(*block) for block in (*merged, (len(self.a), len(self.b), 0))]


def matching_blocks(old: Sequence[str], new: Sequence[str], budget: Budget) -> Iterator[Block]:
    """Yield blocks of equal lines in both orders: between two anchors equal beginnings and ends, and Python's own."""
    i = j = changes = 0
    ends = len(old), len(new)
    for anchor in (*_anchors(old, new), ends):
        anchor_i, anchor_j = anchor if changes < CHANGES_MAX else ends
        if anchor_i < i:  # equal lines have led past it
            continue
        head = _common(old, new, (i, j), ends, step=1)
        yield from [(i, j, head)] if head else []
        i, j = i + head, j + head
        if anchor_i < i:
            continue
        changes += 1
        tail = _common(old, new, (i, j), (anchor_i, anchor_j), step=-1)
        pairs = (anchor_i - tail - i) * (anchor_j - tail - j)
        if 0 < pairs <= GAP_PAIRS_MAX and budget.spend(pairs):
            gap = difflib.SequenceMatcher(None, old[i : anchor_i - tail], new[j : anchor_j - tail], autojunk=False)
            yield from ((i + a, j + b, size) for a, b, size in gap.get_matching_blocks() if size)
        if size := tail + (1 if anchor_i < len(old) else 0):
            yield anchor_i - tail, anchor_j - tail, size
        i, j = anchor_i + 1, anchor_j + 1


def _common(old: Sequence[str], new: Sequence[str], start: tuple[int, int], end: tuple[int, int], *, step: int) -> int:
    """Return how many lines are equal from the start on, or with step -1 from the end back."""
    longest = min(end[0] - start[0], end[1] - start[1])
    i, j = start if step == 1 else (end[0] - 1, end[1] - 1)
    found = 0
    while found < longest and old[i + step * found] == new[j + step * found]:
        found += 1
    return found


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the lines that each text has exactly once, as far as they are in one order: the longest such chain."""
    once_in_old = {line for line, count in Counter(old).items() if count == 1}
    place_in_new = {line: j for j, line in enumerate(new)}
    once_in_new = {line for line, count in Counter(new).items() if count == 1}
    pairs = [(i, place_in_new[line]) for i, line in enumerate(old) if line in once_in_old and line in once_in_new]
    ends: list[int] = []  # of chains by length, the least place in which one ends
    last: list[int] = []  # and which pair that is
    previous: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        previous.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(j)
            last.append(index)
        else:
            ends[length], last[length] = j, index
    chain: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append(pairs[index])
        index = previous[index]
    return chain[::-1]
