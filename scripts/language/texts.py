"""The texts that people read: paragraphs and table cells of Markdown, and comments and strings of Python."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FENCE: Final = re.compile(r"\s*(?:```|~~~)")
HEADING: Final = re.compile(r"#+ +")
ITEM: Final = re.compile(r"^\s*(?:[-*+]|[0-9]+\.) +")
SEPARATOR: Final = re.compile(r"[|: -]+")
# A point after these ends no sentence.
SENTENCE_END: Final = re.compile(r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bcf\.)[)\"'*_]*\s+")


@dataclass(frozen=True)
class Text:
    """Some sentences that stand together."""

    line: int
    words: str
    """With its line breaks, by which the line of each sentence is found."""
    is_prose: bool = False
    """Whether the length of its sentences counts."""
    is_label: bool = False
    """A heading or a cell of a table: it need not be a sentence."""

    def sentences(self) -> Iterator[tuple[int, str]]:
        """Yield each sentence on one line, with the number of the line on which it begins."""
        start = 0
        for end in (*(found.end() for found in SENTENCE_END.finditer(self.words)), len(self.words)):
            part = self.words[start:end]
            indent = len(part) - len(part.lstrip())
            if sentence := " ".join(part.split()):
                yield self.line + self.words.count("\n", 0, start + indent), sentence
            start = end


def prose_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a Markdown document, without those of its code blocks."""
    is_code = False
    for number, line in enumerate(source.splitlines(), 1):
        if FENCE.match(line):
            is_code = not is_code
        yield number, "" if is_code or FENCE.match(line) else line


def markdown_texts(source: str) -> Iterator[Text]:
    begun, block = 0, list[str]()
    for number, line in (*prose_lines(source), (0, "")):
        stands_alone = HEADING.match(line) or line.startswith("|")
        if block and (stands_alone or not line.strip() or ITEM.match(line)):
            yield Text(begun, "\n".join(block), is_prose=True)
            block = []
        if line.startswith("|"):
            yield from _cells(number, line)
        elif heading := HEADING.match(line):
            yield Text(number, line[heading.end() :], is_label=True)
        elif line.strip():
            begun = begun if block else number
            block.append(ITEM.sub("", line).removeprefix("> "))


def _cells(number: int, line: str) -> Iterator[Text]:
    if not SEPARATOR.fullmatch(line):
        yield from (Text(number, cell.strip(), is_label=True) for cell in line.strip("| ").split(" | "))


def python_texts(source: str) -> list[Text]:
    """Return comments, docstrings and all other strings of several words: help, labels, summaries, sentences of errors."""
    return sorted((*_comments(source), *_strings(source)), key=lambda text: text.line)


def _strings(source: str) -> Iterator[Text]:
    nodes = [*ast.walk(ast.parse(source))]
    within = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in within:
            text = _text_of(node)
            if " " in text.strip():
                yield Text(node.lineno, text)


def _text_of(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


def _comments(source: str) -> Iterator[Text]:
    """Comments on lines of their own that follow each other are one text."""
    begun, block = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            is_next = token.start[0] == begun + len(block) and token.line.lstrip().startswith("#")
            if block and not is_next:
                yield Text(begun, "\n".join(block))
                block = []
            begun = begun if block else token.start[0]
            block.append(token.string.lstrip("#: "))
    if block:
        yield Text(begun, "\n".join(block))
