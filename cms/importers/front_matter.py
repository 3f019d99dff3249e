"""Splitting a Markdown file into front matter (YAML, TOML or JSON) and body, without guessing at types.

Scalars stay the text they are in the file (`1.10`, `2015`, `yes`), because most of them are titles and names; a caller
that wants a date or a truth value reads the text. Every key keeps its line.
"""

import datetime
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from cms.importers.json_stream import Duplicates, make_decoder

CHARACTERS_MAX: Final = (
    300_000  # the YAML reader takes seconds for it; posts with a thousand old addresses have a third
)
_BRACKETS_MAX: Final = 50
_FENCE = re.compile(r"---[ \t]*\r?\n")
_END = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_TOML_FENCE = re.compile(r"\+\+\+[ \t]*\r?\n")
_TOML_END = re.compile(r"^\+\+\+[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_TOML_KEY = re.compile(r"[ \t]*+\[*+[ \t]*+[\"']?([^\s\"'=.\[\]]+)")
# Strings and comments in the order of the TOML 1.0 grammar; one without an end goes on as far as the reader looks.
_TOML_TEXT = re.compile(
    r"""
      \"{3} (?: [^\"\\] | \\.? | \"(?!\"\") )*+ \"{0,5}
    | '{3} (?: [^'] | '(?!'') )*+ '{0,5}
    | \" (?: [^\"\\\n] | \\[^\n]? )*+ \"?
    | ' [^'\n]*+ '?
    | \# [^\n]*+
    """,
    re.DOTALL | re.VERBOSE,
)
# The standard library's reader takes the square of a key's parts in memory: 10 GB for 100 kB of them.
_DEEP_TOML_KEY = re.compile(r"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){50}")
_JSON_START = re.compile(r"\{\s*(?:\"|\}\s)")
_JSON_KEY = re.compile(r"[ \t{]*\"([^\"\\]+)\"[ \t]*:")
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
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


class FrontMatter:
    """The fields of a file. A field that is taken has been understood; `rest` are the fields that nobody asked for."""

    def __init__(self, fields: Iterable[Field] = ()) -> None:
        # By folded key: a file may have ten thousand fields of one key.
        self._named: dict[str, list[Field]] = {}
        for found in fields:
            self.put_back(found)

    @property
    def fields(self) -> list[Field]:
        """Return all that are left, those of one key together."""
        return [found for named in self._named.values() for found in named]

    def take(self, *names: str) -> Field | None:
        """Take the field with the first of these names that has a value. Names ignore case, `-` and `_`."""
        for name in names:
            named = self._named.get(name, [])
            while named:
                found = named.pop()  # of a key that stands twice the last one counts, as in other readers
                if found.value not in _EMPTY:
                    return found
        return None

    def take_text(self, *names: str) -> Field | None:
        """Take a field likewise, if its value is text; a list or a mapping stays in the rest."""
        found = self.take(*names)
        if found is None or isinstance(found.value, str):
            return found
        self.put_back(found)
        return None

    def put_back(self, found: Field) -> None:
        self._named.setdefault(_folded(found.key), []).append(found)

    def unfold(self, name: str) -> None:
        """Put the members of a table in its place, as if they stood at the top."""
        for found in self._named.pop(name, []):
            members = found.value.items() if isinstance(found.value, dict) else [(found.key, found.value)]
            for key, value in members:
                self.put_back(Field(key, value, found.line))

    def rest(self) -> Iterator[Field]:
        """Return the fields with a value that were not taken, in the order of the file."""
        return iter(sorted((found for found in self.fields if found.value not in _EMPTY), key=lambda f: f.line))


def split_file(text: str) -> tuple[FrontMatter, str, int]:
    """Return the front matter, the body, and the line on which the body begins. Raises BrokenFrontMatter."""
    if _JSON_START.match(text):
        matter, end = _read_json(text)
    elif opening := _TOML_FENCE.match(text):
        matter, end = _between_fences(text, opening.end(), _TOML_END, _read_toml)
    # A line of dashes before a blank line is a ruler, not a fence.
    elif (opening := _FENCE.match(text)) and not re.match(r"[ \t]*\r?\n", text[opening.end() : opening.end() + 200]):
        matter, end = _between_fences(text, opening.end(), _END, _read_yaml)
    else:
        return FrontMatter(), text, 1
    return FrontMatter(matter), text[end:], text.count("\n", 0, end) + 1


def _between_fences(
    text: str, start: int, fence: re.Pattern[str], read: Callable[[str], list[Field]]
) -> tuple[list[Field], int]:
    closing = fence.search(text, start)
    if closing is None:
        raise BrokenFrontMatter(1, "The front matter has no end.")
    if closing.start() - start > CHARACTERS_MAX:
        raise BrokenFrontMatter(1, f"The front matter has more than {CHARACTERS_MAX:,} characters.")
    return read(text[start : closing.start()]), closing.end()


def _read_json(text: str) -> tuple[list[Field], int]:
    duplicates = Duplicates()
    try:
        members, end = make_decoder(duplicates).raw_decode(text[:CHARACTERS_MAX])
        pairs = [(key, as_value(value)) for key, value in (*duplicates, *members.items())]
    except json.JSONDecodeError as error:
        raise BrokenFrontMatter(error.lineno, f"The JSON can't be read: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise BrokenFrontMatter(1, f"The JSON can't be read: {type(error).__name__}.") from error
    line_end = re.compile(r"[ \t]*(?:\r?\n|\Z)").match(text, end)
    if line_end is None:
        raise BrokenFrontMatter(text.count("\n", 0, end) + 1, "Something stands behind the front matter in its line.")
    lines = _lines_of_keys(text[:end], _JSON_KEY, first_line=1)
    return [Field(key, value, lines.get(key, 1)) for key, value in pairs], line_end.end()


def _read_toml(text: str) -> list[Field]:
    if _DEEP_TOML_KEY.search(_TOML_TEXT.sub("q", text)):
        raise BrokenFrontMatter(1, "The TOML can't be read: a key has more than 50 parts.")
    try:
        table = tomllib.loads(text, parse_float=str)
        lines = _lines_of_keys(text, _TOML_KEY, first_line=2)
        return [Field(key, as_value(value), lines.get(key, 1)) for key, value in table.items()]
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = int(place[1]) + 1 if place and place[1] else text.count("\n") + 1
        reason = str(error).removesuffix(place.group() if place else "").rstrip(".")
        raise BrokenFrontMatter(line, f"The TOML can't be read: {reason}.") from error
    except (ValueError, RecursionError) as error:  # a number or a nesting beyond what Python reads
        raise BrokenFrontMatter(1, f"The TOML can't be read: {type(error).__name__}.") from error


def as_value(value: Any) -> Value:
    """Return a value of TOML or JSON in the types of front matter: scalars are the text that they would be in YAML."""
    if isinstance(value, dict):
        return {str(key): as_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_value(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return None if value is None else str(value)


def _lines_of_keys(text: str, key: re.Pattern[str], first_line: int) -> dict[str, int]:
    """Return the first line that begins with each key: good enough to find it, since these readers report no lines."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=first_line):
        if match := key.match(line):
            lines.setdefault(match[1], number)
    return lines


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

    _repeated_characters = 0

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        # The scanner looks through all open brackets at each of them.
        if self.flow_level == _BRACKETS_MAX:
            problem = f"more than {_BRACKETS_MAX} brackets are open"
            raise yaml.scanner.ScannerError(None, None, problem, self.get_mark())
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark if is_alias else None  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        # Ten lines of aliases to aliases stand for billions of values.
        if is_alias and not isinstance(node, yaml.ScalarNode):
            raise yaml.composer.ComposerError(None, None, "aliases of lists and mappings are not allowed", mark)
        if is_alias and isinstance(node, yaml.ScalarNode):
            self._repeated_characters += len(node.value)
            if self._repeated_characters > CHARACTERS_MAX:
                raise yaml.composer.ComposerError(None, None, "aliases stand for too much text", mark)
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
