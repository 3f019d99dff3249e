"""Rendering: what a reader's browser gets, judged by a parser and an allow-list rather than by looking for bad words."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.text.rendering import (
    derive_excerpt,
    plain_text,
    reading_time_min,
    render_html,
)

TAG_NAMES = """
    a abbr acronym area article aside b bdi bdo blockquote br caption center cite code col colgroup data dd del
    details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li map mark
    nav ol p pre q rp rt rtc ruby s samp small span strike strong sub summary sup table tbody td th thead time tr
    tt u ul var wbr
"""
ATTRIBUTE_NAMES = """
    align alt char charoff class colspan datetime dir headers height href hreflang id lang rel rowspan scope size
    span src start summary title width
"""
TAGS, ATTRIBUTES = set(TAG_NAMES.split()), set(ATTRIBUTE_NAMES.split())
URL_ATTRIBUTES = {"href", "src"}
STRIPPED = "".join(map(chr, range(0x21)))  # by browsers, at both ends of a URL; tab and line ends everywhere in it
SCHEMES = {"", "http", "https", "mailto", "tel"}
ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='x' OnError = 'alert(1)'>",
    "<img/src=x/onerror=alert(1)>",
    '<img src="x`" onerror="alert(1)">',
    "<img src=javascript:alert(1)>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A;&#x61;vascript&colon;alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<a href='java&Tab;script:alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='\u00a0javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='blob:https://x/y'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<q cite='javascript:alert(1)'>x</q>",
    "<svg onload=alert(1)></svg>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<style>body{background:url(javascript:alert(1))}</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<div style='position:fixed;inset:0'>x</div>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<iframe src=//evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=//evil.example></object>",
    "<embed src=//evil.example>",
    "<form action=//evil.example><input name=password><button formaction='javascript:alert(1)'>x</button></form>",
    "<textarea><script>alert(1)</script></textarea>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href='//evil.example/'>",
    "<body onload=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>&x;",
    "<a href='https://x' target=_blank onclick=alert(1)>x</a>",
    "<p id='x' name='y' data-x='z' contenteditable>x</p>",
    "<x-evil is=script>alert(1)</x-evil>",
    "<a\nhref\n=\n'javascript:alert(1)'\n>x",
    "<<img src=x onerror=alert(1)//",
    "<img src=x onerror=alert(1)",
    "\x3cimg src=x onerror=alert(1)\x3e",
]
MARKDOWN_ATTACKS = [
    "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](java\\\nscript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '![x](x "\\" onerror=\\"alert(1)")',
    '[x](https://x "\\"onmouseover=alert(1)")',
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "`<script>alert(1)</script>`",
    "```<script>\n<script>alert(1)</script>\n```",
    '```" onmouseover="alert(1)\nx\n```',
    "<div>\n\n<script>alert(1)</script>\n\n</div>",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
]


class Judge(HTMLParser):
    """Reads HTML as it is and notes everything that is not on the lists above."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.faults.append(f"<{tag} {name}>")
            url = re.sub(r"[\t\r\n]", "", (value or "").strip(STRIPPED))
            if name in URL_ATTRIBUTES and urlsplit(url).scheme not in SCHEMES:
                self.faults.append(f"<{tag} {name}={value!r}>")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(decl)

    def handle_pi(self, data: str) -> None:
        self.faults.append(data)

    def unknown_decl(self, data: str) -> None:
        self.faults.append(data)


def faults(html: str) -> list[str]:
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge.faults


def test_the_judge_sees_what_is_wrong() -> None:
    """A judge who finds nothing in the raw attacks would prove nothing."""
    seen = sum(bool(faults(attack)) for attack in ATTACKS)
    assert seen >= len(ATTACKS) - 4  # the rest is no markup to Python's parser, or no danger to any browser


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("content_format", ["html", "markdown"])
def test_no_attack_survives(attack: str, content_format: str) -> None:
    for content in (attack, f"Before {attack} after", f"<p>{attack}</p>", f"- {attack}"):
        html = render_html(content, content_format)
        assert faults(html) == []
        assert faults(render_html(html, "html")) == []


@pytest.mark.parametrize("attack", MARKDOWN_ATTACKS)
def test_no_attack_in_markdown_survives(attack: str) -> None:
    assert faults(render_html(attack, "markdown")) == []


@given(
    st.lists(
        st.sampled_from([*ATTACKS, *MARKDOWN_ATTACKS, "<", ">", "'", '"', "-->", "</style>", "\n\n", "`"]), max_size=6
    )
)
def test_no_mixture_of_attacks_survives(parts: list[str]) -> None:
    for content_format in ("html", "markdown"):
        assert faults(render_html("".join(parts), content_format)) == []


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("# A\n\nb *c* **d** ~~e~~", "<h1>A</h1>\n<p>b <em>c</em> <strong>d</strong> <del>e</del></p>\n"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>\n"),
        ("`<b>`", "<p><code>&lt;b&gt;</code></p>\n"),
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = 1\n</code></pre>\n'),
        ("[a](/b)", '<p><a href="/b" rel="noopener noreferrer">a</a></p>\n'),
        ("![a](https://x.example/b.png)", '<p><img src="https://x.example/b.png" alt="a"></p>\n'),
        ('<figure class="wide">a</figure>', '<figure class="wide">a</figure>\n'),
    ],
)
def test_good_markdown_is_kept(content: str, html: str) -> None:
    assert render_html(content, "markdown") == html


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("a &#xFFFF; b", "<p>a \ufffd b</p>\n"),
        ("![&#65534;](/a.png)", '<p><img src="/a.png" alt="\ufffd"></p>\n'),
        ("[a](/b '&#xFFFE;')", '<p><a href="/b" title="\ufffd" rel="noopener noreferrer">a</a></p>\n'),
        ("``` &#65535;\na\n```", '<pre><code class="language-\ufffd">a\n</code></pre>\n'),
    ],
)
def test_a_code_of_no_character_becomes_the_mark_of_one(content: str, html: str) -> None:
    """The parser writes bytes for it that are no UTF-8: such a text was an error of the server."""
    assert render_html(content, "markdown") == html


def test_a_table_in_markdown_becomes_a_table() -> None:
    html = render_html("| a | b |\n|---|--:|\n| 1 | 2 |", "markdown")
    assert [html.count(tag) for tag in ("<table>", "<th", "<tr>", "<td")] == [1, 3, 2, 2]  # <thead> begins with <th
    assert plain_text(html) == "a b 1 2"


def test_footnotes_lead_to_their_texts_and_back() -> None:
    html = render_html("Once[^a].\n\n[^a]: In *Lübeck*.", "markdown")
    assert '<sup><a href="#fn-a" id="fnref-a"' in html
    assert '<li id="fn-a">\n<p>In <em>Lübeck</em>. <a href="#fnref-a"' in html
    assert plain_text(html) == "Once[1]. In Lübeck."


def test_a_footnote_leads_back_to_each_of_its_marks() -> None:
    html = render_html("Once[^a], twice[^a].\n\n[^a]: In Lübeck.", "markdown")
    assert [html.count(f'href="#{place}"') for place in ("fn-a", "fnref-a", "fnref-a-2")] == [2, 1, 1]
    assert plain_text(html) == "Once[1], twice[1]. In Lübeck."


def test_a_table_keeps_the_alignment_of_its_columns() -> None:
    assert '<td align="right">2</td>' in render_html("| a | b |\n|---|--:|\n| 1 | 2 |", "markdown")


def test_a_task_list_shows_what_is_done() -> None:
    html = render_html("- [ ] buy\n- [x] *sell*\n- [y] keep\n\n[ ] no list", "markdown")
    assert html == "<ul>\n<li>☐ buy</li>\n<li>☑ <em>sell</em></li>\n<li>[y] keep</li>\n</ul>\n<p>[ ] no list</p>\n"


def test_html_is_not_read_as_markdown() -> None:
    assert render_html("*a* _b_", "html") == "*a* _b_"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One Two three"),
        ("<p>in<b>side</b></p>", "inside"),
        ("<p>a &lt;b&gt; &amp;amp; &quot;c&quot;</p>", 'a <b> &amp; "c"'),
        ("<p>a&nbsp;&nbsp; b\n\tc</p>", "a b c"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("", ""),
        ("<p></p>", ""),
        ("<p>&#x1F600;日本</p>", "\U0001f600日本"),
    ],
)
def test_plain_text_is_the_words(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_code_that_was_dropped_is_no_text() -> None:
    html = render_html("<p>a</p><script>b</script><style>c</style><textarea>d</textarea>", "html")
    assert plain_text(html) == "a"


@given(st.text(max_size=2_000) | st.text(alphabet="ab \U0001f600字", min_size=400, max_size=2_000))
def test_an_excerpt_is_the_beginning_within_its_limit(text: str) -> None:
    excerpt = derive_excerpt(text)
    assert len(excerpt) <= 500
    assert text.startswith(excerpt.removesuffix("…"))
    assert excerpt == text or len(excerpt) > 200 or len(text[:499].rstrip()) < 300


def test_an_excerpt_is_cut_between_words_or_anywhere_where_there_are_none() -> None:
    assert derive_excerpt("a" * 500) == "a" * 500
    assert derive_excerpt("word " * 101) == "word " * 98 + "word…"
    assert derive_excerpt("日" * 501) == "日" * 499 + "…"
    assert derive_excerpt("\U0001f600" * 501) == "\U0001f600" * 499 + "…"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("", 1),
        ("word", 1),
        ("a " * 237 + "a", 1),
        ("a " * 238 + "a", 2),
        ("日" * 1_428, 1),
        ("日" * 1_429, 2),
        ("x" * 999_999, 701),
    ],
)
def test_reading_time_is_whole_minutes_from_one(text: str, minutes: int) -> None:
    assert reading_time_min(text) == minutes
