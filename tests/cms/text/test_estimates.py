"""How long a text may take is estimated before it is rendered: hostile ones wait for a turn, honest ones do not."""

import functools
import gc
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest

from cms.choices import ContentFormat
from cms.search.documents import analyse_content
from cms.text.cost import comparing_s, rendering_s
from cms.text.diff import unified_diff, word_diff
from cms.text.merge import merge_texts
from cms.text.rendering import plain_text, render_html
from cms.text.turns import ORDINARY_S
from tests.slow import slow, slow_unless

CHARACTERS: Final = 20_000
_random: Final = random.Random(1)


def drawn(letters: str, length: int) -> str:
    """Words of so many letters each, most of them different."""
    count = CHARACTERS // (length + 1)
    return " ".join("".join(_random.choices(letters, k=length)) for _ in range(count))


def rows(head: str, delimiter: str, row: str) -> str:
    return f"{head}\n{delimiter}\n" + row * 5_000


LATIN: Final = "abcdefghijklmnopqrstuvwxyz"
HAN: Final = "".join(map(chr, range(0x4E00, 0x9FFF)))
OPEN: Final = "".join(f"<b id={number}>" for number in range(60))
MARKDOWN: Final = {
    "wide rows": rows("|" * 60, "|-" * 59 + "|", "|" * 60 + "\n"),
    "rows that are filled up": rows("|" * 200, "|-" * 199 + "|", "a\n"),
    "rows in a quote": rows("> " + "|" * 200, "> " + "|-" * 199 + "|", "> a\n"),
    "cells": rows("|a|b|", "|-|-|", "|c|d|\n"),
    "tables": ("|" * 99 + "\n" + "|-" * 98 + "|\n" + "a\n" * 99 + "\n") * 50,
    "items": "- a\n",
    "numbered items": "1. a\n",
    "items in items": "- " * 8 + "a\n",
    "numbered items in items": "1. " * 8 + "a\n",
    "items in brackets": "1) " * 8 + "a\n",
    "items with emphasis": "- *a*\n",
    "tasks": "- [ ] a\n",
    "quotes": "> " * 18 + "a\n",
    "emphasis": "*a* ",
    "emphasis that stays open": "**a ",
    "underscores": "_a_ ",
    "many marks": "*a_`[",
    "struck": "~~a~~ ",
    "code": "`a` ",
    "brackets": "[",
    "pictures": "![[",
    "links": "[a](b) ",
    "named links": "[a]: b\n\n" + "[a] " * 20_000,
    "footnotes": "".join(f"[^{number}]\n\n[^{number}]: a\n\n" for number in range(5_000)),
    "one footnote": "[^a]: x\n\n" + "[^a] " * 20_000,
    "addresses": "<a:b>",
    "entities": "&amp;",
    "ampersands": "&",
    "guillemets": "«",
    "words with no-break spaces": "a\u00a0",
    "escapes": "\\-",
    "tags": "<b>",
    "tags and their ends": "<b>a</b>",
    "blocks of HTML": "<div>\n\n",
    "items in formatting": OPEN + "\n\n" + "- a\n" * 25_000,
    "headings": "# a\n",
    "underlined headings": "a\n-\n",
    "paragraphs": "a\n\n",
    "lines": "a\\\n",
    "carriage returns": "a\r",
    "words": drawn(LATIN, 4),
    "short words": drawn(LATIN, 3),
    "words with accents": drawn("äöüéèàôçñ", 6),
    "Cyrillic": drawn("абвгдежзийклмн", 5),
    "Han": "".join(_random.choices(HAN, k=CHARACTERS)),
    "Han with blanks": "漢 字 ",
    "Hangul": "가나다라마바사아자차 ",
    "Thai": "กa",
    # Each line asks the parser to look at those behind it.
    "headings in quotes": "> #\na\n",
    "fences in quotes": "> ~~~\na\n",
    "rules in quotes in quotes": "> > ---\na\n",
    "pictures in pictures": "![" * 19 + "#" * (CHARACTERS - 95) + "](a)" * 19,
    "comments without an end": "a" + "<!--x--->" * 100 + "b" * (CHARACTERS - 905) + "--->",
    # Once something is defined, each mark may be the beginning of a reference to it.
    **{
        f"{part} after definitions": "[a]: /b\n\n[^x]: y\n\n" + part * (CHARACTERS // len(part))
        for part in ("[", "[^", "[^aaaaa", "[^" + "a" * 20, "![[", "![^", "*a_`[", "[a]", "[^x]", "[^x")
    },
}
HTML: Final = {
    "words": drawn(LATIN, 4),
    "paragraphs": "<p>a",
    "blank lines": "a\n\n",
    "ampersands": "&",
    "guillemets": "«",
    "foreign elements": "<svg><p>",
    "formatting left open": OPEN + "<div>x</div>" * 8_000,
    "formatting nested wrongly": "<b><i><u><s>a</b></i></u></s>",
    "attributes": "<a " + " ".join(f"a{number}" for number in range(900)) + ">x</a>",
}
SHAPES: Final = [
    *(("markdown", name, text) for name, text in MARKDOWN.items()),
    *(("html", name, text) for name, text in HTML.items()),
]
QUICK: Final = {"guillemets", "headings in quotes", "pictures in pictures", "comments without an end", "one footnote"}
PIECES: Final = (
    *("> ", "- ", "1. ", "  ", "    ", "# ", "#", "---", "===", "```", "~~~", "|", "|-|", "a", "b", " ", "\n", "\n\n"),
    *("[", "]", "(", ")", "![", "[^1]", "[^1]: ", "[a]", "[a]: /x\n", "<", "<!--", "-->", "--->", "<a", "<b>", "</b>"),
    *(
        "<?",
        "&",
        "&amp;",
        "\\",
        "`",
        "*",
        "**",
        "_",
        "~~",
        '"',
        "<http://a>",
        ":",
        "<div>\n",
        "</div>\n",
        "\r",
        "é",
        "漢",
    ),
    *("[ ] ", "](a)", "<li>", "<p>", "<td>", "<table>", "<svg>"),
)
"""Signs, beginnings and ends of what Markdown and HTML have."""
PROSE: Final = (
    "Some people write a *few* words about [a thing](https://example.org/a), and others read it. " * 4 + "\n\n"
)


@pytest.fixture
def forget() -> Callable[[], None]:
    """Forget the words that were met before."""
    caches: list[Any] = [each for each in gc.get_objects() if type(each) is functools._lru_cache_wrapper]
    of_words = [each for each in caches if str(each.__module__).startswith("cms.search")]

    def clear() -> None:
        for each in of_words:
            each.cache_clear()

    return clear


@pytest.fixture
def measure(forget: Callable[[], None]) -> Callable[[], float]:
    """Return how long WORDS take, whose words were not met before. Afterwards none is known."""

    def measured() -> float:
        forget()
        taken = seconds(lambda: render(WORDS, "markdown"))
        forget()
        return taken

    return measured


def seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def render(content: str, content_format: str) -> None:
    analyse_content(plain_text(render_html(content, content_format)), "en")


def longest_ordinary(text: str, estimate: Callable[[str], float]) -> str:
    low, high = 0, len(text)
    while high - low > 8:
        middle = (low + high) // 2
        low, high = (middle, high) if estimate(text[:middle]) <= ORDINARY_S else (low, middle)
    return text[:low]


WORDS: Final = longest_ordinary(MARKDOWN["words"], lambda text: rendering_s(text, "markdown"))
"""The measure: it takes as long as its estimate on the machine that the estimates were made on."""


@pytest.mark.parametrize(
    ("content_format", "name", "text"),
    [slow_unless(name in QUICK and of == "markdown", of, name, text) for of, name, text in SHAPES],
    ids=lambda value: value if len(value) < 40 else "",
)
def test_a_text_that_waits_for_nobody_takes_about_the_time_that_is_estimated(
    content_format: str, name: str, text: str, measure: Callable[[], float]
) -> None:
    """In pairs with the measure, and the best of three: a machine that is busy slows both."""
    whole = text * (CHARACTERS // len(text) + 1)
    ordinary = longest_ordinary(whole[:CHARACTERS], lambda part: rendering_s(part, content_format))
    ratios = []
    for _ in range(3):
        measured = measure()
        ratios.append(seconds(lambda: render(ordinary, content_format)) / measured)
    assert min(ratios) < 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_drawn_texts_take_at_most_twice_their_estimate(seed: int, measure: Callable[[], float]) -> None:
    drawing = random.Random(seed)

    def some(least: int, most: int) -> str:
        return "".join(drawing.choices(PIECES, k=drawing.randint(least, most)))

    for _ in range(200):
        unit, then, content_format = some(1, 7), some(0, 3), drawing.choice(ContentFormat.values)
        text = some(0, 4) + unit * (8_000 // len(unit)) + some(0, 4) + then * 2_000
        most = 2 * rendering_s(text, content_format) / ORDINARY_S
        assert any(seconds(partial(render, text, content_format)) < most * measure() for _ in range(3)), (
            text[:100],
            content_format,
        )


def test_2000_words_of_prose_wait_for_nobody() -> None:
    prose = PROSE * (2_000 * len(PROSE) // len(PROSE.split()) // len(PROSE))
    for content_format in ContentFormat.values:
        assert rendering_s(prose, content_format) < ORDINARY_S


def test_honest_html_is_not_estimated_as_if_its_formatting_stayed_open() -> None:
    html = "<p>Some <b>bold</b> and <i>other</i> words, with <a href='/a'>a link</a>.</p>\n" * 100
    assert rendering_s(html, "html") < ORDINARY_S


@pytest.mark.parametrize("name", ["tags", *map(slow, ["items", "brackets", "words", "tables"])])
def test_an_estimate_takes_a_small_part_of_what_is_estimated(name: str, measure: Callable[[], float]) -> None:
    text = MARKDOWN[name] * (CHARACTERS // len(MARKDOWN[name]) + 1)
    part, whole = text[: CHARACTERS // 4], text[:CHARACTERS]
    of_part, of_whole = (min(seconds(partial(rendering_s, each, "html")) for _ in range(3)) for each in (part, whole))
    assert of_part < measure() / 2
    assert of_whole < 12 * of_part


@pytest.mark.parametrize(
    "compare", [unified_diff, slow(word_diff), slow(lambda one, two: merge_texts(one, two, one[::-1]))]
)
def test_texts_that_are_compared_without_a_turn_take_about_its_time(
    compare: Callable[[str, str], object], measure: Callable[[], float]
) -> None:
    def gap() -> str:
        """Lines that repeat, so that each is looked at with each."""
        return "".join(_random.choices(["a\n", "b\n"], k=99))

    one, two = gap(), gap()
    assert comparing_s(one, two, one) < ORDINARY_S < comparing_s(one * 3, two * 3)
    assert min(seconds(lambda: compare(one, two)) / measure() for _ in range(3)) < 3


@pytest.mark.parametrize("end", ["\n", " "], ids=["lines", "words"])
def test_short_texts_of_many_gaps_wait_for_their_turn(end: str) -> None:
    def gaps(begin: str, filling: str) -> str:
        return "".join(f"{begin}{end}{filling}{begin}{end}u{number}\n" for number in range(8))

    one, two = gaps("^", f"a{end}b{end}" * 24), gaps("!", f"a{end}" * 48)
    assert len(one) < 1_000
    assert comparing_s(one, two) > ORDINARY_S


def test_two_versions_of_a_page_of_prose_are_compared_at_once() -> None:
    def prose(count: int) -> str:
        return "\n\n".join(
            f"Paragraph {number} has the words {number * 7} and {number * 3}." for number in range(count)
        )

    assert comparing_s(prose(60), prose(61).replace("has", "had")) < ORDINARY_S


def test_tables_whose_rows_are_filled_up_are_not_made_into_millions_of_cells() -> None:
    tables = ("|" * 257 + "\n" + "|-" * 256 + "|\n" + "a\n" * 256 + "\n") * 30
    assert render_html(tables, "markdown").startswith("<pre>|||")
    assert render_html("|a|b|\n|-|-|\n" + "|c|\n" * 500, "markdown").count("<td>") == 1_000
