"""A fault as data, and putting it into a module's syntax tree: no line numbers, so that the list outlives other changes."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PLANTED: Final = Path(__file__).with_name("planted.json")
CORE: Final = Path("canary/core")


class NowhereToPlant(Exception):
    """The code has changed so that the fault's place is gone: choose another one like it."""


@dataclass(frozen=True)
class Mutant:
    module: str
    """Below `canary/core`."""
    function: str
    """By qualified name; empty for what stands outside of all functions."""
    before: str
    """An expression, as `ast.unparse` writes it; the first one like it in the function is meant, or the one at `place`."""
    after: str
    place: int = 0

    def __str__(self) -> str:
        return f"{self.module} {self.function or '(module)'}: {self.before}  ->  {self.after}"

    def plant(self, source: str) -> str:
        """The module's source with the fault. Raises NowhereToPlant."""
        tree = ast.parse(source)
        scope = tree if not self.function else _function_of(tree, self.function.split("."))
        replacing = _Replacing(self.before, ast.parse(self.after, mode="eval").body, self.place)
        replacing.visit(scope)
        if not replacing.is_done:
            raise NowhereToPlant(str(self))
        return ast.unparse(ast.fix_missing_locations(tree))


class _Replacing(ast.NodeTransformer):
    def __init__(self, before: str, after: ast.expr, place: int) -> None:
        self._before, self._after, self._left = before, after, place
        self.is_done = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not self.is_done and isinstance(node, ast.expr) and ast.unparse(node) == self._before:
            if self._left == 0:
                self.is_done = True
                return self._after
            self._left -= 1
        return super().generic_visit(node)


def mutants() -> list[Mutant]:
    return [Mutant(**row) for row in json.loads(PLANTED.read_text())]


def _function_of(tree: ast.AST, names: list[str]) -> ast.AST:
    for name in names:
        inner = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == name)
        tree = next(inner, ast.Pass())
    return tree
