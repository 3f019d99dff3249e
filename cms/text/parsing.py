"""From what an editor wrote to sanitised HTML, without Django: for long texts a process of its own does this."""

import re
from typing import Final

import nh3

from cms import limits
from cms.text.markdown import markdown_to_html

GROWTH_MAX: Final = 10
"""Characters of HTML for one that was written; a table's cell without a word is as long."""
GROWTH_FREE: Final = 20_000
"""Characters that don't count: a short text may be a wide table."""
HTML_MAX: Final = 5 * limits.CONTENT[1] + GROWTH_FREE
"""As much as text that is shown as it was written."""
DEPTH_MAX: Final = 500
"""Elements in each other; browsers stop at 512."""

_REL: Final = "noopener noreferrer"
_REL_SET: Final = f' rel="{_REL}"'
"""As the sanitiser writes it into each link. Nobody else can write it into a tag: these quotes end a value."""
_ATTRIBUTES: Final = {
    # Without `cite`, whose scheme nobody checks.
    **{tag: attributes - {"cite"} for tag, attributes in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"id", "lang", "dir", "title"},
    "code": {"class"},
    "pre": {"class"},
    "div": {"class"},
    "span": {"class"},
    "figure": {"class"},
}
_DROPPED_WITH_CONTENT: Final = {
    *("script", "style", "iframe", "object", "embed", "noscript", "template", "textarea", "select")
}
"""Their text is code or markup, not something to read."""
# As the sanitiser writes them: values stand between double quotes, and may have angle brackets.
_TAG: Final = re.compile(r"""<(?P<end>/?)(?P<name>[a-z0-9]+)[^>"]*(?:"[^"]*"[^>"]*)*>""")
_VOID: Final = {"br", "col", "hr", "img", "wbr"}

# As cmark writes them. Readers can't tick a box, and a number stands in brackets, as a text without markup needs it.
_TASK: Final = re.compile(r'<input type="checkbox" (checked="" )?disabled="" />')
_UNDONE, _DONE = "☐", "☑"
_FOOTNOTE: Final = re.compile(r"data-footnote-ref>(\d+)</a>")
_AGAIN: Final = re.compile(r'↩<sup class="footnote-ref">\d+</sup></a>')
_HAS_PARAGRAPHS: Final = re.compile(r"<p[\s>]|<pre[\s>]", re.IGNORECASE)
_BLANK_LINES: Final = re.compile(r"\r?\n[ \t]*\r?\n")
_HAS_BLOCK: Final = re.compile(
    r"</?(?:address|article|aside|blockquote|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|hr|li|"
    r"main|nav|ol|section|table|tbody|td|tfoot|th|thead|tr|ul|script|style)\b|\A<!--[^>]*-->\Z",
    re.IGNORECASE,
)


def sanitised_html(content: str, *, is_markdown: bool) -> str | None:
    """Return HTML that is safe to show, or None where it would be too long or too deep.

    It may take more time and memory than the content is long: browsers repair wrong nesting, and so does the sanitiser.
    """
    most = min(GROWTH_MAX * len(content) + GROWTH_FREE, HTML_MAX)
    source = markdown_to_html(with_line_feeds(content)) if is_markdown else _with_paragraphs(content)
    if len(source) > most:
        return None
    source = _with_marks(source) if is_markdown else source
    cleaned = nh3.clean(
        source,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=_REL,
    )
    # Formatting that is left open comes again in each block, with its attributes.
    grown_to = len(cleaned) - cleaned.count(_REL_SET) * len(_REL_SET)
    return cleaned if grown_to <= most and len(cleaned) <= HTML_MAX and not _is_deep(cleaned) else None


def with_line_feeds(content: str) -> str:
    """Return the text with one sign at the end of each line."""
    return content.replace("\r\n", "\n").replace("\r", "\n")


def _with_marks(source: str) -> str:
    source = _TASK.sub(lambda box: _DONE if box[1] else _UNDONE, source)
    return _AGAIN.sub("↩</a>", _FOOTNOTE.sub(r"data-footnote-ref>[\1]</a>", source))


def _with_paragraphs(content: str) -> str:
    """Return HTML as editors type it: without marked paragraphs, blank lines separate them, as in WordPress."""
    if _HAS_PARAGRAPHS.search(content):
        return content
    blocks = [block.strip() for block in _BLANK_LINES.split(content)]
    if len(blocks) < 2:
        return content
    return "\n\n".join(block if _HAS_BLOCK.search(block) else f"<p>{block}</p>" for block in blocks if block)


def _is_deep(html: str) -> bool:
    depth = 0
    for tag in _TAG.finditer(html):
        if tag["name"] not in _VOID:
            depth += -1 if tag["end"] else 1
            if depth > DEPTH_MAX:
                return True
    return False
