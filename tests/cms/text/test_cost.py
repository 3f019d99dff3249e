"""What a text may cost: no megabyte takes seconds or hundreds of megabytes, and honest markup is never shown as text."""

import re

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.text import cost
from cms.text.rendering import plain_text, render_html
from tests.processor import processor_time
from tests.slow import slow

CHARACTERS = 1_000_000
HOSTILE = {
    "ampersands": "&",
    "entities": "&amp;",
    "less-than": "< ",
    "carriage returns": "a\r",
    "nested": "<li><dd>",
    "nested behind comments": "<div><!--</div>-->",
    "comments without an end": "<!--",
    "tags without an end": "<a",
    "values without an end": '<a b="',
    "links in links": "<a href=x><div>",
    "cells outside a table": "aaaaaa<td>",
    "text between rows": "<tr>aaaaaa",
    "formatting that ends in other blocks": "<b>" + "<div>" * 9 + "</b>" + "</div>" * 9,
    "foreign elements": "<svg><p>",
    "raw text": "<textarea><b>",
    "lists of choices": "<select><b>",
}
LEFT_OPEN = "<div>" + "".join(f"<b id={number}>" for number in range(490)) + "</div>"
WHOLE = {
    "formatting left open": LEFT_OPEN + "<div>x</div>" * (CHARACTERS // 12),
    "attributes": "<a " + " ".join(f"a{number}" for number in range(CHARACTERS // 7)) + ">x</a>",
    "rows": "<table>" + "a<tr>" * (CHARACTERS // 5),
    **{name: part * (CHARACTERS // len(part)) for name, part in HOSTILE.items()},
}
HONEST = {
    "paragraphs": "<p>Some <b>bold <i>and</i></b> words, a &amp; b.</p>\n",
    "paragraphs without ends": "<p>Some <a href='/x'>words</a>\n",
    "a list": "<ul><li>One <li>two <p>three</ul>\n",
    "a table": "<table><caption>C</caption><tr><th>a<td><b>1</b></tr><tr><td>2</table>\n",
    "comments": "<!-- more --><div class=x data-y='a>b'>x<br/></div>\n",
    "code": "<pre><code>if (a &lt; b) {}</code></pre>\n",
}


QUICK = ("ampersands", "formatting left open", "attributes", "nested behind comments")


@pytest.mark.parametrize("name", [name if name in QUICK else slow(name) for name in WHOLE])
def test_a_hostile_megabyte_takes_the_time_and_memory_of_a_megabyte(name: str) -> None:
    with processor_time() as spent:
        html = render_html(WHOLE[name], "html")
        text = plain_text(html)
    assert spent.seconds < 5  # 0.1 to 0.8 s here
    assert len(html) <= 5 * CHARACTERS + 100
    assert len(text) <= len(WHOLE[name])


@pytest.mark.parametrize("name", HONEST)
def test_a_long_honest_text_keeps_its_markup(name: str) -> None:
    part = HONEST[name]
    html = render_html(part * (300_000 // len(part)), "html")
    assert not html.startswith("<pre>&lt;")
    assert html.count("</") > 1_000


def test_a_small_text_that_is_nested_wrongly_keeps_its_markup() -> None:
    assert render_html("<b>bold <i>both</b> italic</i>" * 50, "html").startswith("<b>bold <i>both</i></b>")


TAG_NAMES = """
    b i a code div p li ul dd dl td th tr table tbody caption
    span h1 h2 pre section blockquote br colgroup
"""
TAGS = TAG_NAMES.split()
PIECES = [*(f"<{tag}>" for tag in TAGS), *(f"</{tag}>" for tag in TAGS), "<b id=1>", "<i id=2>", "x", " "]
ATTRIBUTES: dict[str, set[str]] = {"*": {"id"}}


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.booleans())
def test_a_parser_makes_no_more_elements_than_were_estimated(pieces: list[str], is_closed: bool) -> None:
    opened = [match[1] for piece in pieces if (match := re.match(r"<(\w+)", piece))]
    part = "".join(pieces) + ("".join(f"</{tag}>" for tag in reversed(opened)) if is_closed else "")
    source = part * 20 + "<div>x</div>" * 50
    outline = cost._Outline(source)
    if outline.is_nested:
        made = nh3.clean(source, tags=set(TAGS), attributes=ATTRIBUTES, link_rel=None)
        assert len(re.findall("<[a-z]", made)) <= outline.elements
