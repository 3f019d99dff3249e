"""From what an editor wrote to what a reader gets: sanitised HTML, plain text, excerpt, reading time."""

import html
import math
import re
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_ref

from cms import limits
from cms.choices import ContentFormat
from cms.text.cost import cells_in, is_dear

WORDS_PER_MINUTE = 238  # silent reading of English non-fiction: Brysbaert 2019, doi:10.1016/j.jml.2019.104047
# What may begin or end something inside a paragraph; the parser stops at each, some 5 µs long.
INLINE_MARKS = "\n$%&*+-:<=>@[\\]^_`{}~!"
INLINE_MARKS_MAX = 150_000  # running text of the greatest length has a third of them
LINES_AND_CELLS_MAX = 50_000  # some 20 µs each; a text of the greatest length has twenty characters a line then
BLOCK_DEPTH_MAX = 20  # quotes, and half as many lists, in each other: each line costs as much as it is deep
REFERENCED_MAX = 100_000  # characters that references may copy from definitions, at least; cmark has the same limit
CHARACTERS_PER_WORD = 6  # for scripts without spaces, and the share of a word in running English text

_ATTRIBUTES = {
    # Without `cite`, whose scheme nobody checks.
    **{tag: attributes - {"cite"} for tag, attributes in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"id", "lang", "dir", "title"},
    "code": {"class"},
    "pre": {"class"},
    "div": {"class"},
    "span": {"class"},
    "figure": {"class"},
}
# Their text is code or markup, not something to read.
_DROPPED_WITH_CONTENT = {"script", "style", "iframe", "object", "embed", "noscript", "template", "textarea", "select"}
# As the sanitiser writes them: values stand between double quotes, and may have angle brackets.
_TAG = re.compile(r"""<[^>"]*(?:"[^"]*"[^>"]*)*(?:>|"[^"]*\Z|\Z)""")
_BLOCK_END = re.compile(
    r"</(?:p|h[1-6]|li|td|th|tr|div|blockquote|pre|figure|figcaption|dt|dd)>|<br\s*/?>|<hr\s*/?>", re.I
)

_NOTE = re.compile(r"\[\^[^\s\]]{1,100}\]")
_TASK = re.compile(r"\A\[([ xX])\](?=\s)")
_UNDONE, _DONE = "☐", "☑"
_BACK_TO_FOOTNOTE = re.compile(r'<a href="#fnref[^"]*"[^>]*>[^<]*</a>')
_HAS_PARAGRAPHS = re.compile(r"<p[\s>]|<pre[\s>]", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\r?\n[ \t]*\r?\n")
_HAS_BLOCK = re.compile(
    r"</?(?:address|article|aside|blockquote|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|hr|li|"
    r"main|nav|ol|section|table|tbody|td|tfoot|th|thead|tr|ul|script|style)\b|\A<!--[^>]*-->\Z",
    re.IGNORECASE,
)


class _TooDeepError(Exception):
    """Blocks stand in each other deeper than they are parsed."""


class _References(dict[str, dict[str, Any]]):
    """Definitions of links, which each reference copies. They end once as much was copied as the text is long."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self._left = max(len(content), REFERENCED_MAX)

    def get(self, label: str, default: Any = None) -> Any:
        found = super().get(label)
        if not found:
            return default
        if "size" not in found:
            found["size"] = len(escapeHtml(found["href"])) + len(escapeHtml(found["title"]))
        if found["size"] > self._left:
            return default
        self._left -= found["size"]
        return found


def _read_note(state: StateInline, silent: bool) -> bool:
    """Read a reference to a footnote. The plugin's rule would walk on from each `[^`, as far as no blank comes."""
    return bool(_NOTE.match(state.src, state.pos, state.posMax)) and footnote_ref(state, silent)


def _spare_inline_parser(state: StateCore) -> None:
    """From where a document has too many marks, its paragraphs are shown as they were written."""
    left = INLINE_MARKS_MAX
    for token in state.tokens:
        if token.type == "inline":
            left -= sum(token.content.count(mark) for mark in INLINE_MARKS)
            if left < 0:
                token.type = "text"


def _mark_tasks(state: StateCore) -> None:
    """Show the boxes of a task list as signs: readers can't tick them."""
    tokens = state.tokens
    for item, paragraph, text in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (item.type, paragraph.type, text.type) == ("list_item_open", "paragraph_open", "inline"):
            text.content = _TASK.sub(lambda match: _UNDONE if match[1] == " " else _DONE, text.content)


def _refuse_depth(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Raise _TooDeepError where the parser would leave out the rest without a word."""
    if state.level >= BLOCK_DEPTH_MAX:
        raise _TooDeepError
    return False


_markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": BLOCK_DEPTH_MAX + 1})
_markdown.enable(["table", "strikethrough"])
_markdown.block.ruler.before("table", "refuse_depth", _refuse_depth)
_markdown.use(footnote_plugin, inline=False)  # notes within the text nest, and cost more than they are long
_markdown.inline.ruler.at("footnote_ref", _read_note)
_markdown.core.ruler.before("inline", "spare_inline_parser", _spare_inline_parser)
_markdown.core.ruler.before("spare_inline_parser", "mark_tasks", _mark_tasks)


def render_html(content: str, content_format: str) -> str:
    """Return HTML that is safe to show: no script, style, frame, form or handler survives."""
    if content_format != ContentFormat.MARKDOWN:
        source = _with_paragraphs(content)
    else:
        if _has_too_many_lines(content):
            return _as_written(content)
        try:
            source = _markdown.render(content, {"references": _References(content)})
        except _TooDeepError:
            return _as_written(content)
    if is_dear(source):
        return _as_written(content)
    return nh3.clean(
        source,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer",
    )


def _as_written(text: str) -> str:
    """Return the text as the sanitiser would write it, which takes as long for many entities as for much markup."""
    return f"<pre>{html.escape(text, quote=False)}</pre>"


def _has_too_many_lines(content: str) -> bool:
    """Whether Markdown has more lines, or cells of tables, than are parsed in a second or two."""
    return max(content.count("\n"), content.count("\r")) + cells_in(content.replace("\r", "\n")) > LINES_AND_CELLS_MAX


def _with_paragraphs(content: str) -> str:
    """Return HTML as editors type it: without marked paragraphs, blank lines separate them, as in WordPress."""
    if _HAS_PARAGRAPHS.search(content):
        return content
    blocks = [block.strip() for block in _BLANK_LINES.split(content)]
    if len(blocks) < 2:
        return content
    return "\n\n".join(block if _HAS_BLOCK.search(block) else f"<p>{block}</p>" for block in blocks if block)


def plain_text(content_html: str) -> str:
    """Return the words of sanitised HTML, blanks collapsed. It may be cut off anywhere."""
    words = _BACK_TO_FOOTNOTE.sub("", content_html)
    return " ".join(html.unescape(_TAG.sub("", _BLOCK_END.sub(" ", words))).split())


def derive_excerpt(text: str) -> str:
    """Return the beginning of `text`, cut at a word where it has words, at most 500 characters."""
    if len(text) <= limits.EXCERPT_MAX:
        return text
    cut = text[: limits.EXCERPT_MAX - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > limits.EXCERPT_MAX // 2 else cut).rstrip() + "…"


def reading_time_min(text: str) -> int:
    """Return whole minutes, at least 1."""
    words = max(text.count(" ") + 1, len(text) / CHARACTERS_PER_WORD)
    return max(1, math.ceil(words / WORDS_PER_MINUTE))
