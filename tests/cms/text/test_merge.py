"""Three-way merges: each writer's change is in the text, and no three texts take long."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.text.merge import Merge, Overlap, merge_texts
from tests.processor import processor_time
from tests.slow import slow

TEXTS = st.lists(st.sampled_from(["", "a", "b", "c d", "e f g", " "]), max_size=30).map("\n".join)
POST = "A heading\n\nThe first paragraph.\n\nThe second one.\n"


@pytest.mark.parametrize(
    ("theirs", "mine", "merged"),
    [
        (POST, POST, POST),
        (
            POST.replace("heading", "title"),
            POST.replace("second", "last"),
            "A title\n\nThe first paragraph.\n\nThe last one.\n",
        ),
        (POST + "\nTheir end.\n", "My beginning.\n\n" + POST, "My beginning.\n\n" + POST + "\nTheir end.\n"),
        (
            POST.replace("The first paragraph", "The very first paragraph"),
            POST.replace("first paragraph.", "first paragraph!"),
            POST.replace("The first paragraph.", "The very first paragraph!"),
        ),
        (POST.replace("first", "1st"), POST.replace("first", "1st"), POST.replace("first", "1st")),
    ],
)
def test_changes_of_different_places_are_merged(theirs: str, mine: str, merged: str) -> None:
    assert merge_texts(POST, theirs, mine) == Merge(merged, ())


def test_where_both_changed_one_word_mine_stays_and_theirs_is_reported() -> None:
    theirs, mine = POST.replace("second", "last"), "More.\n" + POST.replace("second", "final")
    assert merge_texts(POST, theirs, mine) == Merge(
        mine, (Overlap("The second one.\n", "The last one.\n", "The final one.\n"),)
    )


@given(TEXTS, TEXTS)
def test_a_text_that_one_has_left_alone_is_the_other_ones(base: str, one: str) -> None:
    assert merge_texts(base, base, one) == Merge(one, ())
    assert merge_texts(base, one, base) == Merge(one, ())
    assert merge_texts(base, one, one) == Merge(one, ())


def _read_in_halves(unit: str) -> tuple[str, str, str]:
    base = unit * (1_000_000 // len(unit))
    return base, "x" + base + "y", "z" + base[: len(base) // 2] + "w" + base[len(base) // 2 :]


def _lines_that_all_changed() -> tuple[str, str, str]:
    """Only their words can match: each line has 50, of two kinds, in another order in each of the three texts."""
    chance = random.Random(3)
    base, theirs, mine = (
        "".join(f"{number:x}\n{' '.join(f'{chance.getrandbits(50):050b}')}\n" for number in range(9_000))
        for _ in range(3)
    )
    return base, theirs, mine


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(lambda: _read_in_halves("a b "), id="words"),
        slow(lambda: _read_in_halves("a\nb\n")),
        slow(lambda: _read_in_halves("a")),
        pytest.param(_lines_that_all_changed, id="lines that all changed"),
    ],
)
def test_a_million_characters_merge_in_linear_time(texts: Callable[[], tuple[str, str, str]]) -> None:
    three = texts()
    with processor_time() as spent:
        merge_texts(*three)
    assert spent.seconds < 8  # about a second here; a budget for each line takes 20 s, a square hours
