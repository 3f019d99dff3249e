"""Splitting a Markdown file into front matter and body, and reading YAML front matter without guessing at types.

Scalars stay the text they are in the file (`1.10`, `2015`, `yes`), for most of them are titles and names; who wants a
date or a truth value reads the text. Every key keeps its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_FENCE = re.compile(r"---[ \t]*\r?\n")
_END = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

type Value = str | list[Value] | dict[str, Value] | None


class BrokenFrontMatter(Exception):
    """The front matter can't be read; `line` is where, `reason` a sentence."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(reason)


@dataclass(frozen=True)
class Field:
    key: str
    value: Value
    line: int


@dataclass
class FrontMatter:
    """The fields of a file. Whatever is taken has been understood; `rest` is what nobody has asked for."""

    fields: list[Field] = field(default_factory=list)

    def take(self, *names: str) -> Field | None:
        """The field with the first of these names that has a value. Names are compared without case, `-` and `_`."""
        for name in names:
            for found in reversed(self.fields):  # of a key that stands twice the last one counts, as in other readers
                if _folded(found.key) == name:
                    self.fields.remove(found)
                    if found.value not in (None, "", [], {}):
                        return found
                    return self.take(*names)
        return None

    def take_text(self, *names: str) -> Field | None:
        """Likewise, if its value is text; a list or a mapping stays in the rest."""
        found = self.take(*names)
        if found is None or isinstance(found.value, str):
            return found
        self.fields.append(found)
        return None

    def rest(self) -> Iterator[Field]:
        """The fields with a value that were not taken, in the order of the file."""
        return iter(sorted((f for f in self.fields if f.value not in (None, "", [], {})), key=lambda f: f.line))


def split_file(text: str) -> tuple[FrontMatter, str, int]:
    """The front matter, the body, and the line that the body begins at. Raises BrokenFrontMatter."""
    opening = _FENCE.match(text)
    if re.match(r"\+\+\+[ \t]*\r?\n", text):  # else its keys would be published as the beginning of the body
        raise BrokenFrontMatter(1, "The front matter is not YAML.")
    # A line of dashes before a blank line is a ruler, not a fence.
    if opening is None or re.match(r"[ \t]*\r?\n", text[opening.end() : opening.end() + 200]):
        return FrontMatter(), text, 1
    end = _END.search(text, opening.end())
    if end is None:
        raise BrokenFrontMatter(1, "The front matter has no end.")
    body_line = text.count("\n", 0, end.end()) + 1
    return FrontMatter(_read_yaml(text[opening.end() : end.start()])), text[end.end() :], body_line


def _read_yaml(text: str) -> list[Field]:
    try:
        node = _Loader(text).get_single_node()
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            raise BrokenFrontMatter(2, "The front matter is not a mapping of keys to values.")
        # The fence is line 1 and PyYAML counts from 0.
        return [Field(_key(key), _value(value), key.start_mark.line + 2) for key, value in node.value]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BrokenFrontMatter(mark.line + 2 if mark else 1, f"The YAML can't be read: {error.problem}.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 2
        raise BrokenFrontMatter(line, f"The YAML can't be read: {error.reason}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BrokenFrontMatter(1, f"The YAML can't be read: {type(error).__name__}.") from error


class _Loader(yaml.BaseLoader):
    """Composes nodes only: no tag ever makes an object."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark if is_alias else None  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        # Ten lines of aliases to aliases stand for billions of values.
        if is_alias and not isinstance(node, yaml.ScalarNode):
            raise yaml.composer.ComposerError(None, None, "aliases of lists and mappings are not allowed", mark)
        return node


def _value(node: yaml.Node) -> Value:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {_key(key): _value(value) for key, value in node.value}
    is_plain = node.style is None  # type: ignore[attr-defined]
    return None if is_plain and node.value in _NULLS else str(node.value)


def _key(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else str(_value(node))


def _folded(key: str) -> str:
    return key.lower().replace("-", "").replace("_", "")
