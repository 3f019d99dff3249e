"""Shell blocks of a page, as a reader pastes them: commands, and the output that the page promises."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_BLOCK = re.compile(r"^ *```sh(?: (\w+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
MARKS: Final = {
    "server": "goes on until it is stopped",
    "long": "takes minutes",
    "elsewhere": "needs root, another machine, or a time to come",
    "settings": "lines of a file of settings",
    "usage": "how a command may be called",
}
"""The second word of a block that is not pasted into a checkout, which no reader sees."""
PROMPT = "$ "
ANYTHING = "…"


class Step(NamedTuple):
    """A piece of shell, with the output that the page shows for it; None where it shows none."""

    page: str
    line: int
    script: str
    output: str | None
    is_refused: bool = False
    """Whether the page says that the command fails."""
    mark: str = ""
    """One of MARKS, or empty for a step that the page's reader can do in a checkout."""


def steps_of(page: Path) -> Iterator[Step]:
    """Yield what the `sh` blocks of a page hold.

    A block with prompts is a session, of which each command stands alone with its output. Any other block is one
    script, but for commands that are `# refused`.
    """
    text = page.read_text()
    for block in _BLOCK.finditer(text):
        mark, shell = block[1] or "", textwrap.dedent(block[2])
        line = text.count("\n", 0, block.start()) + 2
        pieces = _session(shell) if shell.startswith(PROMPT) else _scripts(shell)
        for script, output, is_refused in pieces:
            yield Step(page.name, line, script, output, is_refused, mark)


def matches(promised: str, output: str) -> bool:
    """Return whether an output is the promised one: `…` stands for any text, alone on a line for any lines."""
    pattern = "".join(
        r"(?:[^\n]*\n)*" if line == ANYTHING else rf"{_of_a_line(line)}\n" for line in promised.splitlines()
    )
    return re.fullmatch(pattern, f"{output.rstrip()}\n") is not None


def _of_a_line(line: str) -> str:
    return "[^\n]*".join(map(re.escape, line.split(ANYTHING)))


def _session(text: str) -> Iterator[tuple[str, str | None, bool]]:
    for piece in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = piece.partition("\n")
        yield command, output, False


def _scripts(text: str) -> Iterator[tuple[str, str | None, bool]]:
    together: list[str] = []
    for line in text.splitlines(keepends=True):
        if re.search(r" # refused\b", line):
            yield "".join(together), None, False
            yield line, None, True
            together = []
        else:
            together.append(line)
    yield "".join(together), None, False
