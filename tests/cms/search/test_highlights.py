"""What is shown of a hit: marks around what was found, everything else escaped."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.search.highlights import READ_TOGETHER_MAX, highlight_post
from cms.search.queries import parse_query
from cms.text.rendering import render_html


def show(query: str, title: str = "", content: str = "", language: str = "en") -> dict[str, str]:
    post = SimpleNamespace(title=title, excerpt="", content_html=render_html(content, "markdown"), language=language)
    return highlight_post(post, parse_query(query))


@pytest.mark.parametrize(
    ("query", "title", "marked"),
    [
        ("design", "Designing forms", "<mark>Designing</mark> forms"),
        ("cafe", "The Café", "The <mark>Café</mark>"),
        ('"state of the art"', "A state of the art, art", "A <mark>state of the art</mark>, art"),
        ("agencies forms", "Agency forms", "<mark>Agency</mark> <mark>forms</mark>"),
        ("tom -jerry", "Tom & <Jerry>", "<mark>Tom</mark> &amp; &lt;Jerry&gt;"),
        ("日本", "日本語と日本", "<mark>日本</mark>語と<mark>日本</mark>"),
        ("本", "日本語", "日<mark>本</mark>語"),
        ("全文検索", "日本語全文検索", "日本語<mark>全文検索</mark>"),
        ("バス", "ﾊﾞｽ停", "<mark>ﾊﾞｽ停</mark>"),
        ("nothing", "A 'title'", "A &#x27;title&#x27;"),
    ],
)  # fmt: skip
def test_what_was_found_is_marked_in_the_title(query: str, title: str, marked: str) -> None:
    assert show(query, title)["title"] == marked


def test_the_snippet_is_the_part_with_the_most_marks() -> None:
    content = "budget " + "filler " * 200 + "a budget for rivers and roads " + "filler " * 200
    snippet = show("budget rivers", content=content)["snippet"]
    assert "<mark>budget</mark> for <mark>rivers</mark>" in snippet
    assert snippet.startswith("…filler")
    assert snippet.endswith("filler…")


def test_without_a_mark_the_snippet_is_the_beginning() -> None:
    assert show("budget", content="One two. " * 100)["snippet"].startswith("One two. One two.")
    assert show("budget", content="")["snippet"] == ""


def test_the_more_hits_an_answer_has_the_less_of_each_content_is_read() -> None:
    content = "a " * (READ_TOGETHER_MAX // 100) + "needle"
    post = SimpleNamespace(title="", excerpt="", content_html=content, language="en")
    found = [
        hits for hits in (1, 20, 100) if "<mark>" in highlight_post(post, parse_query("needle"), hits=hits)["snippet"]
    ]
    assert found == [1, 20]


def test_markup_of_a_post_is_text_in_its_highlights() -> None:
    shown = show(
        "alert", title="<script>alert(1)</script>", content="`<mark>alert</mark>` &lt;img onerror=alert(1)&gt;"
    )
    assert shown["title"] == "&lt;script&gt;<mark>alert</mark>(1)&lt;/script&gt;"
    assert "&lt;mark&gt;<mark>alert</mark>&lt;/mark&gt;" in shown["snippet"]
    assert "<img" not in shown["snippet"]


@given(st.text(max_size=200), st.text(max_size=60), st.sampled_from(["en", "ja"]))
def test_marks_are_the_only_markup_whatever_the_text(text: str, query: str, language: str) -> None:
    post = SimpleNamespace(title=text, excerpt=text, content_html=render_html(text, "html"), language=language)
    for shown in highlight_post(post, parse_query(query + " " + text[:5])).values():
        bare = re.sub(r"<mark>([^<>]+)</mark>", r"\1", shown)
        assert "<" not in bare
        assert ">" not in bare
