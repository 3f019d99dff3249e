"""Highlights cost about the same for every script and query: most of a text is looked through, little of it is cut."""

import random
import time
from types import SimpleNamespace
from typing import Final

import pytest

from cms.search.highlights import CUT_TOGETHER_MAX, READ_MAX, READ_TOGETHER_MAX, highlight_post
from cms.search.queries import parse_query

HITS: Final = 20
KANJI: Final = [chr(0x4E00 + number) for number in range(2_000)]
PROSE: Final = "the quick brown fox jumps "
RANDOM: Final = random.Random(8)

# To cut a character into words takes up to 200 times as long as to look at it, and of each text so many are cut.
# Another five: the folding of a text that isn't ASCII.
TIMES_A_WORD: Final = 5 + 200 * CUT_TOGETHER_MAX // (HITS * READ_MAX)


def test_no_text_and_query_is_much_dearer_than_a_word_of_prose() -> None:
    word = cost_of(PROSE, "quick")
    dear = {
        name: cost_of(text, query) / word
        for name, text, query in [
            ("Japanese", "".join(RANDOM.choices([*KANJI, "。"], k=READ_MAX)), "検索"),
            ("Japanese with the query in it", "".join(RANDOM.choices([*KANJI[:9], "検索。"], k=READ_MAX)), "検索"),
            ("one character", "漢" * 30 + "\n\n", "漢"),
            ("a phrase of Chinese", "漢" * 30 + "\n\n", '"漢漢漢"'),
            ("many characters", "".join(RANDOM.choices(KANJI[:32], k=READ_MAX)), " ".join(KANJI[:32])),
            ("phrases that begin everywhere", "a b ", " ".join(f'"{"a b " * words}"' for words in range(2, 10))),
            ("a phrase of Russian", "съешь ещё этих мягких французских булок ", '"мягких французских булок"'),
        ]
    }
    assert not {name: round(times, 1) for name, times in dear.items() if times > TIMES_A_WORD}


def test_words_that_are_all_different_are_not_all_stemmed() -> None:
    words = " ".join("a" + "".join(RANDOM.choices("bcdefghijklmnop", k=5)) for _ in range(READ_MAX // 7))
    assert cost_of(words, "ab", times=1) < TIMES_A_WORD * cost_of(PROSE, "quick")


@pytest.mark.parametrize("hits", [1, 20, 100])
def test_an_answer_looks_through_no_more_than_its_share(hits: int) -> None:
    assert hits * min(READ_MAX, READ_TOGETHER_MAX // hits) <= READ_TOGETHER_MAX


def cost_of(text: str, query: str, times: int = 3) -> float:
    """Return the seconds of the processor that one of the hits of an answer takes, the quickest of some times."""
    content = (text * (READ_MAX // len(text) + 1))[:READ_MAX]
    post = SimpleNamespace(title="", excerpt="", content_html=content, language="en")
    seconds = []
    for _ in range(times):
        began = time.thread_time()
        highlight_post(post, parse_query(query), hits=HITS)
        seconds.append(time.thread_time() - began)
    return min(seconds)
