"""Signs at which the sanitiser begins a new piece of a text and copies it: their time grows no faster than the text."""

import pytest

from cms.choices import ContentFormat
from cms.text.rendering import render_html
from tests.processor import processor_time

SIGNS = ("«", "\u00a0", "\u00ad", "\u0080", "\u00bf", "&")
SIZE = 900_000
RUN = "«" * 1_000
NAMES = " ".join(f"{number:x}" for number in range(180_000))
PROSE = "Он сказал: «а теперь — пора», и «все» ушли.\u00a0" * 20


@pytest.mark.parametrize("content_format", ContentFormat.values)
@pytest.mark.parametrize("sign", SIGNS)
def test_a_long_run_of_them_is_shown_as_written(sign: str, content_format: str) -> None:
    with processor_time() as spent:
        shown = render_html(sign * SIZE, content_format)
    assert spent.seconds < 5
    assert shown.startswith("<pre>")


@pytest.mark.parametrize(
    "content",
    [
        f'<p title="{"«" * SIZE}">a</p>',
        *((RUN + tag) * (SIZE // len(RUN)) for tag in ("<col>", "</b>", "<tr>", "<zz>", "</br>", "<!-- -->", "<br>")),
        "<textarea>" + (RUN + "<p>") * (SIZE // len(RUN)),
        "<table>" + (RUN + "<td>") * (SIZE // len(RUN)),
        "<p>x</p><table>" + ("\u00a0" * 1_000 + "<tr>") * (SIZE // len(RUN)),
        "<p>x</p><table>" + ("\u0085" * 1_000 + "<tr>") * (SIZE // len(RUN)),
        "<table>" + "<p>" * (SIZE // 3),
        "<table>" + "<br>" * (SIZE // 4),
        f"<p/{NAMES.replace(' ', '/')}>x</p>",
        f'<p {NAMES}">x</p>',
        f"<p {NAMES}",
        f"<p>x</p/{NAMES.replace(' ', '/')}>",
    ],
    ids=lambda value: value[-20:],
)
def test_no_tag_that_is_left_out_hides_how_long_a_text_goes_on(content: str) -> None:
    with processor_time() as spent:
        render_html(content, ContentFormat.HTML)
    assert spent.seconds < 5


@pytest.mark.parametrize(
    ("content", "content_format"),
    [(f"<p>{PROSE}</p>\n" * 1_000, ContentFormat.HTML), (f"{PROSE}\n\n" * 1_000, ContentFormat.MARKDOWN)],
    ids=["html", "markdown"],
)
def test_long_texts_in_paragraphs_keep_their_shape(content: str, content_format: str) -> None:
    assert len(content) > 700_000
    shown = render_html(content, content_format)
    assert shown.startswith("<p>Он сказал: «а теперь — пора», и «все» ушли.&nbsp;")
    assert shown.count("<p>") == 1_000
