"""Rendering of hostile texts: bounds of time, of memory and of what comes out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cms.choices import ContentFormat
from cms.text.cost import cells_in, is_short
from cms.text.parsing import GROWTH_FREE, GROWTH_MAX, HTML_MAX, with_line_feeds
from cms.text.rendering import plain_text, render_html
from tests.memory import peak_memory
from tests.processor import processor_time
from tests.slow import slow


@pytest.mark.parametrize("part", ["[", "> ", slow("*a **b "), slow("![["), "`", slow("<a href='"), "|", "- "])
def test_hostile_markdown_ends_within_seconds(part: str) -> None:
    with processor_time() as spent:
        plain_text(render_html(part * 20_000, "markdown"))
    assert spent.seconds < 5


def test_texts_that_are_rendered_at_once_leave_each_other_alone() -> None:
    """What one of them ends took `~` from the others: readers saw struck text as if it were valid."""
    text = "\n\n".join(["The offer is ~~100 EUR~~ 120 EUR."] * 50)
    with ThreadPoolExecutor(4) as writers:
        rendered = set(writers.map(lambda _: render_html(text, "markdown"), range(4_000)))
    assert [one.count("<del>") for one in rendered] == [50]


def test_texts_that_were_rendered_leave_nothing_in_memory() -> None:
    """Each left its tree for good, some 500 bytes a character: texts of one author ended a server process."""
    text = "*a* " * 1_500
    assert is_short(text, "markdown")
    with peak_memory() as peak:
        for _ in range(200):
            render_html(text, "markdown")
    assert peak.bytes < 200 * 500 * len(text) / 10


@pytest.mark.parametrize("part", ["<div>", slow("<ul><li>"), slow("<DIV></x>"), slow("<b>"), slow("<blockquote\n>")])
def test_elements_in_each_other_without_end_are_shown_as_text(part: str) -> None:
    content = part * (1_000_000 // len(part))
    with processor_time() as spent:
        shown = plain_text(render_html(content, "html"))
    assert shown == " ".join(content.split())
    assert spent.seconds < 5


def test_long_content_that_is_not_deep_is_shown_as_it_is() -> None:
    for part in ("<div>a</div>", "<p>a", "<br>", "<ul><li>a<li>b</ul>", '<img src="a">'):
        assert "&lt;" not in render_html(part * 1_000, "html")
    nested = "<div>" * 400 + "a" + "</div>" * 400
    assert render_html(nested, "html") == nested


@pytest.mark.parametrize(
    "part", ["[", "![", "*a ", "`a", "x\n", "- a\n", "# a\n", "|a" * 50 + "\n", "~a~ ", "[^1] ", "[^1]: a\n"]
)
def test_a_megabyte_of_marks_costs_no_more_than_text(part: str) -> None:
    head = "|a" * 50 + "\n" + "|-" * 50 + "\n" if part.startswith("|") else ""
    content = head + part * (1_000_000 // len(part))
    with processor_time() as spent:
        shown = render_html(content, "markdown")
    assert spent.seconds < 5
    assert len(shown) <= HTML_MAX


@pytest.mark.parametrize("definition", ["[a]: /{}", "[a]: / '{}'"])
def test_references_copy_little_more_than_the_text_is_long(definition: str) -> None:
    """Each one writes the whole address and title of its definition again; cmark ends that after 100,000 characters."""
    content = definition.format("u" * 10_000) + "\n\n" + "[a] " * 5_000
    assert len(render_html(content, ContentFormat.MARKDOWN)) < len(content) + 200_000


LEFT_OPEN = [("b", "title"), ("i", "id"), ("code", "class"), ("b", "lang"), ("a", "href")]
"""Formatting that comes again in each paragraph, with an attribute that is kept."""
IN_LINKS = ["noopener noreferrer ", ' rel="noopener noreferrer"', " rel=&quot;noopener noreferrer&quot;", "rel="]
"""The sanitiser writes it into links itself."""


@pytest.mark.parametrize(
    "content",
    [
        "a|" * 220 + "\n" + "-|" * 220 + "\n" + "x\n" * 218,  # rows are filled up
        "[^1]: a\n\n" + "[^1]" * 20_000,  # each mark gets a way there and a way back
        "> #\n" * 10_000,
        "> " * 200 + "\n",
        ">" * 20_000,
        "[^a]: " * 20_000 + "\n\n[^a]",
        *(f"<p><{tag} {name}='{'x' * 5_000}'>" + "<p>x" * 980 for tag, name in LEFT_OPEN),
        *(f"<p><b title='{words * 240}'>x" + "<p>x" * 1_020 for words in IN_LINKS),
        f"<a href='/{'x' * 30_000}'>" + "<p>x" * 5_000,
    ],
    ids=[
        *("cells", "footnotes", "quotes", "quotes in quotes", "deep quotes", "notes in notes"),
        *(f"{name} left open" for _, name in LEFT_OPEN),
        *IN_LINKS,
        "a long link left open",
    ],
)
@pytest.mark.parametrize("content_format", ContentFormat.values)
def test_html_is_at_most_some_times_as_long_as_what_was_written(content: str, content_format: str) -> None:
    html = render_html(content, content_format)
    assert len(html) - html.count("<a ") * len(IN_LINKS[1]) <= GROWTH_MAX * len(content) + GROWTH_FREE


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("blank", ["", " ", "\t", "\v", "\f"])
def test_the_cells_of_a_table_are_counted_before_it_is_parsed(line_end: str, blank: str) -> None:
    head = ["|a" * 512 + "|", "|-" * 512 + f"|{blank}"]
    table = line_end.join([*head, *["a"] * 1_000])
    assert cells_in(with_line_feeds(table)) > 500_000


def test_a_table_of_very_many_cells_is_shown_as_written() -> None:
    """Half a million cells take the parser a gigabyte."""
    table = "|a" * 512 + "|\n" + "|-" * 512 + "|\n" + "a\n" * 1_000
    with peak_memory() as peak:
        assert render_html(table, "markdown") == f"<pre>{table}</pre>"
    assert peak.bytes < 50_000_000


def test_very_many_footnotes_are_shown_as_written() -> None:
    assert render_html("[^a] " * 5_000 + "\n\n[^a]: words\n", "markdown").startswith("<pre>[^a]")
    assert render_html("[^a] " * 50 + "\n\n[^a]: words\n", "markdown").count('href="#fn-a"') == 50


def test_ordinary_references_all_lead_somewhere() -> None:
    html = render_html("[a]: https://example.org/a-page-of-this-site\n\n" + "[a] " * 1_000, ContentFormat.MARKDOWN)
    assert html.count('href="https://example.org/a-page-of-this-site"') == 1_000


@pytest.mark.parametrize("mark", ["> ", "- ", "1. ", "[^a]: "])
@pytest.mark.parametrize("times", [5, 600])
def test_no_depth_of_blocks_makes_words_vanish(mark: str, times: int) -> None:
    html = render_html(f"before\n\n{mark * times}words\n\nafter [^a]", ContentFormat.MARKDOWN)
    assert ("before" in html, "words" in html, "after" in html) == (True, True, True)
