"""Estimates of how long work on a text takes, before it begins: they decide who waits for a turn.

Browsers repair wrong nesting, and so does the sanitiser. Formatting that is left open is opened again in each block
that follows, so that 1 MB can become 40 million elements. Each entity in a text, and each sign from U+0080 to U+00BF,
copies all of the text before it. An estimate may miss something: `apart.py` keeps a bound.
"""

import re
import string
from collections import Counter
from typing import Final

from cms.choices import ContentFormat
from cms.text.diff import PAIRS_BUDGET
from cms.text.parsing import with_line_feeds
from cms.text.turns import ORDINARY_S


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FORMATTING: Final = _names("a b big code em font i nobr s small strike strong tt u")
"""Elements that are opened again: HTML, section 13.2.4.3."""
_VOID: Final = _names("br hr img wbr col")
_ENDS_PARAGRAPH: Final = _names(
    """
    address article aside blockquote center dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5
    h6 header hgroup hr li nav ol p pre summary table ul
    """
)
_CELLS: Final = {"td", "th"}
_ENDED_BY: Final = {
    **{name: {"p"} for name in _ENDS_PARAGRAPH},
    "li": {"p", "li"},
    "dt": {"p", "dt", "dd"},
    "dd": {"p", "dt", "dd"},
    "td": {"p", *_CELLS},
    "th": {"p", *_CELLS},
    "tr": {"p", *_CELLS, "tr"},
    "tbody": {"p", *_CELLS, "tr", "tbody", "thead", "tfoot", "colgroup"},
    "thead": {"colgroup"},
    "tfoot": {"p", *_CELLS, "tr", "tbody", "thead"},
}
"""Which elements need no end of their own before these begin: HTML, section 13.1.2.4."""
_TABLE_PARTS: Final = _names("table thead tbody tfoot tr colgroup")
_IN_TABLE: Final = _names("caption thead tbody tfoot tr td th colgroup col")
_OPTIONAL_END: Final = _names("p li dt dd td th tr tbody thead tfoot colgroup")
_PLAIN: Final = _names(
    """
    abbr acronym bdi bdo caption cite data del dfn ins kbd map mark q samp span sub sup time var
    """
)
_KNOWN: Final = (_FORMATTING - {"font", "nobr"}) | _VOID | _ENDS_PARAGRAPH | _OPTIONAL_END | _PLAIN
"""Another element may hold something else than markup, such as a script, or have rules of its own."""

_BLANKS: Final = "\t\n\f\r "
_BLANK: Final = f"[{_BLANKS}]"
_ATTRIBUTE: Final = rf"""{_BLANK}+[^\t\n\f\r "'<>/=]+(?:{_BLANK}*={_BLANK}*(?:"[^"]*"|'[^']*'|[^\t\n\f\r "'<>=`]+))?"""
_TOKEN: Final = re.compile(
    r"<!--(?!-?>).*?(?:--!?>|\Z)"
    rf"|<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?:{_ATTRIBUTE})*{_BLANK}*/?>"
    r"|<(?P<unclear>[a-zA-Z/!?])",
    re.DOTALL,
)
_PIECES: Final = re.compile("[&\u0080-\u00bf]")
"""Where the parser begins a new piece of a text that goes on; at signs such as « and no-break spaces too."""
_FORMATTING_TAG: Final = re.compile(rf"<(?:{'|'.join(sorted(_FORMATTING))})(?![a-z0-9])", re.IGNORECASE)

_BLANK_LINES: Final = re.compile(r"\n[ \t]*\n")
_WORDS: Final = re.compile(r"[^\W_]+")
_DELIMITER: Final = " \t\v\f|:->*+.)0123456789"
"""All that stands in the line below a table's head, with quotes and lists around it."""
CHARACTER_S: Final = 0.5e-6
"""Parsed, sanitised and analysed. This and the following are seconds of a slow core, from hostile texts."""
_EXTRA_BYTE_S: Final = 4.5e-6
"""Words beyond ASCII are spelt in it; those of some scripts, 3 bytes a character, are cut into pairs."""
_WORD_S: Final = 20e-6
"""A word that was not met lately is folded and stemmed."""
_CELL_S: Final = 20e-6
_ELEMENT_S: Final = 1e-6
_COPY_S: Final = 0.05e-9
_PAIR_S: Final = 1.5e-6
_SIGNS: Final = (string.punctuation + "\n").encode()
_SIGN_S: Final = 12e-6
"""Each may begin an element, or end one: it is read as a tag, sanitised, and taken out of the plain text."""
_SHORT_S: Final = 0.03
"""Below this an estimate may be too high: to count the words of a short text costs more than it tells."""
SHORT_MAX: Final = 10_000
"""Characters. The worst that is known takes the sanitiser a hundredth of a second: 35 s for a hundred times as many."""
_OUTLINED_TAGS_MAX: Final = 3_000
"""So many are looked at one by one, which takes a hundredth of a second."""


def rendering_s(content: str, content_format: str) -> float:
    """Return about how long rendering and analysing a text may take, by counting: never half as long as it does."""
    content = with_line_feeds(content)
    as_bytes = content.encode("utf-8", "surrogatepass")
    signs = len(as_bytes) - len(as_bytes.translate(None, delete=_SIGNS))
    seconds = len(content) * CHARACTER_S + signs * _SIGN_S + (len(as_bytes) - len(content)) * _EXTRA_BYTE_S
    cells = cells_in(content)
    seconds += cells * _CELL_S + _elements_in(content, content_format, cells) * _ELEMENT_S
    seconds += len(_PIECES.findall(content)) * len(content) * _COPY_S
    most = seconds + (len(content) + 1) // 2 * _WORD_S
    return most if most < _SHORT_S else seconds + len(set(_WORDS.findall(content))) * _WORD_S


def is_short(content: str, content_format: str) -> bool:
    """Return whether a text is so short, and estimated so cheap, that it needs no process of its own."""
    return len(content) <= SHORT_MAX and rendering_s(content, content_format) <= ORDINARY_S


def comparing_s(*texts: str) -> float:
    """Return about how long comparing or merging texts may take: `diff.py` looks at equal lines and words in pairs.

    Pairs are counted only where the length alone does not say that it takes long.
    """
    seconds = sum(map(len, texts)) * 1.7e-6
    if seconds > ORDINARY_S:
        return seconds
    lines = [Counter(text.split("\n")) for text in texts]
    changed = (line for counts in lines for line in counts if not all(line in others for others in lines))
    words = Counter(word for line in changed for word in line.split())
    pairs = _pairs_of_equals(sum(lines, Counter()), len(texts)) + _pairs_of_equals(words, len(texts))
    return seconds + min(pairs, PAIRS_BUDGET) * _PAIR_S


def _pairs_of_equals(counts: Counter[str], texts: int) -> int:
    """Return how many pairs those that repeat make at most: half of them stand in the one text, half in the other."""
    return sum(count * count // 4 for count in counts.values() if count > texts)


def cells_in(content: str) -> int:
    """Return how many cells Markdown's tables may have at most: each row gets as many as the head has."""
    if "|" not in content:
        return 0
    return sum(map(_cells_in_block, _BLANK_LINES.split(content)))


def _cells_in_block(block: str) -> int:
    if "|" not in block:
        return 0
    lines = block.split("\n")
    columns = max((line.count("|") + 1 for line in lines if "-" in line and not line.strip(_DELIMITER)), default=0)
    return max(block.count("|"), len(lines) * columns)


def _elements_in(content: str, content_format: str, cells: int) -> int:
    """Return how many elements may be made, when formatting that is left open is opened again in each block."""
    tags, formatting = content.count("<"), len(_FORMATTING_TAG.findall(content))
    most = (tags + 2 * content.count("\n") + cells) * (1 + formatting)
    if content_format == ContentFormat.HTML and formatting and tags <= _OUTLINED_TAGS_MAX:
        outline = _Outline(content)
        return outline.elements if outline.is_nested else most
    return most


class _Outline:
    """The nesting of a document's tags, and the elements that they make.

    `is_nested` is false when an end is not that of the last beginning, or a tag can be read in several ways. Then
    `elements` says nothing.
    """

    def __init__(self, source: str) -> None:
        self.is_nested = True
        self.elements = 0
        self._open: list[str] = []
        self._formatting_open = 0
        end = 0
        for tag in _TOKEN.finditer(source):
            if self._is_in_table() and source[end : tag.start()].strip(_BLANKS):
                self.is_nested = False
            self._read(tag)
            end = tag.end()

    def _is_in_table(self) -> bool:
        """Whether text and formatting here would be moved in front of the table."""
        return bool(self._open) and self._open[-1] in _TABLE_PARTS

    def _read(self, token: re.Match[str]) -> None:
        if token["unclear"]:
            self.is_nested = False
        if not token["name"]:
            return
        name = token["name"].lower()
        self.is_nested &= name in _KNOWN and (bool(token["end"]) or name in _IN_TABLE or not self._is_in_table())
        if token["end"]:
            self._end(name)
        elif name in _VOID:
            self.is_nested &= name not in _IN_TABLE or self._is_in_table()
        else:
            self._begin(name)
        self.elements += 1 + self._formatting_open

    def _begin(self, name: str) -> None:
        while self._open and self._open[-1] in _ENDED_BY.get(name, ()):
            self._open.pop()
        if name in _FORMATTING:
            self._formatting_open += 1
            self.is_nested &= not self._is_in_table() and not (name == "a" and "a" in self._open)
        elif name in _IN_TABLE:
            self.is_nested &= self._is_in_table()
        self._open.append(name)

    def _end(self, name: str) -> None:
        if name not in _FORMATTING:
            while self._open and self._open[-1] in _OPTIONAL_END and self._open[-1] != name:
                self._open.pop()
        if self._open and self._open[-1] == name:
            self._open.pop()
            self._formatting_open -= name in _FORMATTING
        elif name != "p" or self._formatting_open:
            self.is_nested = False
