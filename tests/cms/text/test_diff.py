"""Unified diffs: they lead from one text to the other, and no pair of texts takes long."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.text import diff
from cms.text.diff import PIECES_MAX, Piece, unified_diff, word_diff
from tests.processor import processor_time
from tests.slow import slow

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
# Few kinds of lines, so that most of them repeat and look like others that moved.
TEXTS = st.lists(st.sampled_from(["", "a", "b", "c d", "-", "+", " "]), max_size=60).map("\n".join)


def patched(text: str, diff: str) -> str:
    """Return `text` with the hunks applied as `patch` does it, and assert that each line they name is there."""
    old, at = text.split("\n"), 0
    done: list[str] = []
    for line in diff.split("\n") if diff else []:
        if hunk := HUNK.fullmatch(line):
            start = int(hunk[1]) - (hunk[2] != "0")
            done, at = done + old[at:start], start
            continue
        if line[0] in " -":
            assert old[at] == line[1:]
            at += 1
        done += [line[1:]] if line[0] in " +" else []
    return "\n".join(done + old[at:])


@given(TEXTS, TEXTS)
def test_a_diff_leads_from_one_text_to_the_other(before: str, after: str) -> None:
    assert patched(before, unified_diff(before, after)) == after
    assert (unified_diff(before, after) == "") == (before == after)


@pytest.mark.parametrize(
    ("old", "new"),
    [("aab", "abb"), ([f"u{n}" for n in range(90)], [f"u{n}" for n in range(90)][::-1])],
    ids=["few short lines", "many lines turned round"],
)
def test_lines_that_repeat_a_million_characters_long_take_bounded_time(old: list[str], new: list[str]) -> None:
    """Python's own matcher takes a minute for 2,000 lines of the first pair."""
    before, after = ("\n".join(old[i % len(old)] for i in range(500_000))[:1_000_000] for old in (old, new))
    with processor_time() as spent:
        diff = unified_diff(before, after)
    assert spent.seconds < 5
    assert patched(before, diff) == after


def test_words_that_changed_stand_between_words_that_stayed() -> None:
    pieces = word_diff("One two three.\n", "One 2 three, four.\n")
    assert pieces == [
        Piece("same", "One "),
        Piece("gone", "two"),
        Piece("new", "2"),
        Piece("same", " three"),
        Piece("new", ", four"),
        Piece("same", ".\n"),
    ]
    assert word_diff("a\n", "a\n") == []


def test_lines_far_from_a_change_are_left_out() -> None:
    lines = [f"line {number}\n" for number in range(100)]
    changed = [*lines[:50], "another\n", *lines[51:]]
    pieces = word_diff("".join(lines), "".join(changed))
    assert pieces[0] == Piece("left_out", "")
    assert "".join(piece.text for piece in pieces if piece.kind == "same").count("line") == 6


@given(st.text("ab \n", max_size=200), st.text("ab \n", max_size=200))
def test_both_texts_can_be_read_from_the_pieces(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    if any(piece.kind == "left_out" for piece in pieces) or before == after:
        return
    shown = {kind: "".join(p.text for p in pieces if p.kind in ("same", kind)) for kind in ("gone", "new")}
    assert before.startswith(shown["gone"])
    assert after.startswith(shown["new"])


@pytest.mark.parametrize("part", ["a ", "a b\n", "a\nb ", "ab"])
def test_a_megabyte_that_changed_all_over_is_compared_in_bounded_time(part: str) -> None:
    before = part * (500_000 // len(part))
    with processor_time() as spent:
        assert word_diff(before, before.replace("a", "c"))
    assert spent.seconds < 5  # 0.1 to 0.6 s here


def _every_other_line(changed: str, count: int) -> str:
    return "".join(f"{number}\n{changed} word\n" for number in range(count))


@pytest.mark.parametrize("count", [3_000, slow(70_000)])
def test_a_difference_has_few_pieces_and_says_that_it_goes_on(count: int) -> None:
    before, after = _every_other_line("one", count), _every_other_line("another", count)
    with processor_time() as spent:
        pieces = word_diff(before, after)
    assert spent.seconds < 3  # 0.6 s here
    assert PIECES_MAX < len(pieces) < PIECES_MAX + 10
    assert pieces[-1] == Piece("cut", "")
    assert before.startswith("".join(piece.text for piece in pieces if piece.kind in ("same", "gone")))


def test_pieces_of_one_kind_do_not_stand_side_by_side() -> None:
    kinds = [piece.kind for piece in word_diff(_every_other_line("one", 50), _every_other_line("another", 50))]
    assert all(one != other for one, other in pairwise(kinds))
    assert "cut" not in kinds


def test_changes_beyond_those_that_are_told_apart_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff, "CHANGES_MAX", 2)
    before, after = _every_other_line("one", 80), _every_other_line("another", 80) + "more\n"
    written = unified_diff(before, after)
    assert patched(before, written) == after
    assert " 1\n-one word" in written
    assert "-70\n" in written
