"""A process of its own for each long text: it has so much time and memory, no more, and gives the same HTML."""

import sys
from typing import Final

import pytest

from cms.costs.turns import Busy
from cms.text import apart
from cms.text.apart import sanitised_html_apart
from cms.text.cost import SHORT_MAX, is_short
from cms.text.parsing import DEPTH_MAX, sanitised_html
from cms.text.rendering import render_html
from tests.memory import peak_memory
from tests.processor import processor_time
from tests.slow import slow

SIZE: Final = 900_000
RUN: Final = "«" * 1_000
NAMES: Final = " ".join(f"{number:x}" for number in range(180_000))
PROSE: Final = "Он сказал: «а теперь — пора», и «все» ушли.\u00a0" * 20
QUADRATIC: Final = {
    "no-break spaces": "\u00a0" * SIZE,
    "ends of nothing": (RUN + "</b>") * (SIZE // len(RUN)),
    "columns outside a table": (RUN + "<col>") * (SIZE // len(RUN)),
    "unknown elements": (RUN + "<zz>") * (SIZE // len(RUN)),
    "comments": (RUN + "<!-- -->") * (SIZE // len(RUN)),
    "raw text": "<textarea>" + (RUN + "<p>") * (SIZE // len(RUN)),
    "a table moves the text": "<p>x</p><table>" + ("\u00a0" * 1_000 + "<tr>") * (SIZE // len(RUN)),
    "a table moves the elements": "<table>" + "<p>" * (SIZE // 3),
    "a value": f'<p title="{"«" * SIZE}">a</p>',
    "attributes between slashes": f"<p/{NAMES.replace(' ', '/')}>x</p>",
    "attributes before a quote": f'<p {NAMES}">x</p>',
    "attributes without an end": f"<p {NAMES}",
    "attributes of an end": f"<p>x</p/{NAMES.replace(' ', '/')}>",
    "wrong ends": "<b></i>" * (SIZE // 7),
}
"""Each of them takes the sanitiser 10 to 80 s by itself, or did so in one of its versions."""
QUICK: Final = ("no-break spaces", "a table moves the elements", "attributes between slashes", "wrong ends")


@pytest.mark.parametrize("name", [name if name in QUICK else slow(name) for name in QUADRATIC])
def test_no_text_takes_more_than_its_time(name: str) -> None:
    with processor_time() as spent:
        render_html(QUADRATIC[name], "html")
    assert spent.seconds < apart.SECONDS_MAX + 1.5  # as for any megabyte: it is escaped, and its words are counted


def test_a_text_that_takes_too_long_is_shown_as_it_was_written() -> None:
    assert render_html("\u00a0" * SIZE, "markdown") == f"<pre>{'\u00a0' * SIZE}</pre>"


def test_no_text_takes_more_than_its_memory() -> None:
    """It becomes 40 million elements, in 0.5 s."""
    left_open = "<div>" + "".join(f"<b id={number}>" for number in range(490)) + "</div>" + "<div>x</div>" * 80_000
    with peak_memory() as peak:
        assert render_html(left_open, "html").startswith("<pre>&lt;div")
    assert peak.bytes < 50_000_000


@pytest.mark.parametrize(
    ("content", "is_markdown"),
    [
        (f"<p>{PROSE}</p>\n" * 1_000, False),
        (f"{PROSE}\n\n" * 1_000, True),
        ("<p>Some <a href='/x'>wörds\n" * 1_000, False),
        ("| a | b |\n|-|-|\n" + "| c |\n" * 3_000, True),
        ("<!-- nothing -->" * 1_000, False),
        ("<div>" * DEPTH_MAX + "a", False),
        ("<div>" * (DEPTH_MAX + 1) + "a", False),
        ("\r\n".join(["- [x] done", "- [ ] *not* done"] * 1_000), True),
    ],
    ids=["html", "markdown", "left open", "table", "nothing", "deep", "too deep", "line ends"],
)
def test_its_html_is_that_of_the_sanitiser(content: str, is_markdown: bool) -> None:
    assert sanitised_html_apart(content, is_markdown=is_markdown) == sanitised_html(content, is_markdown=is_markdown)


def test_long_texts_in_paragraphs_keep_their_shape() -> None:
    shown = render_html(f"<p>{PROSE}</p>\n" * 1_000, "html")
    assert shown.startswith("<p>Он сказал: «а теперь — пора», и «все» ушли.&nbsp;")
    assert shown.count("<p>") == 1_000


@pytest.mark.parametrize("name", QUADRATIC)
def test_a_short_text_takes_no_time_that_is_noticed(name: str) -> None:
    short = QUADRATIC[name][:SHORT_MAX]
    with processor_time() as spent:
        sanitised_html(short, is_markdown=False)
    assert spent.seconds < 0.1
    assert not is_short(QUADRATIC[name][: SHORT_MAX + 1], "html")


def test_a_system_without_room_for_a_process_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Busy):
        render_html("a" * (SHORT_MAX + 1), "html")


def test_a_process_that_is_not_heard_of_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WAITED_S_MAX", 0.001)
    with pytest.raises(Busy):
        render_html("a" * (SHORT_MAX + 1), "html")


def test_a_process_that_fails_is_not_taken_for_a_text_that_takes_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_ROOT", "/nowhere")
    with pytest.raises(RuntimeError, match="No module named"):
        render_html("a" * (SHORT_MAX + 1), "html")
