"""Categories in the order of their tree, each with its depth."""

import uuid
from collections import defaultdict
from collections.abc import Iterable

from cms.models import Category

INDENT = "\N{EM SPACE}"


def in_tree_order(categories: Iterable[Category]) -> list[tuple[Category, int]]:
    """Return each category below its parent, siblings by name. One without its parent among them stands at the top."""
    rows = sorted(categories, key=lambda category: category.name.casefold())
    known = {category.pk for category in rows}
    below: dict[object, list[Category]] = defaultdict(list)
    for category in rows:
        below[category.parent_id if category.parent_id in known else None].append(category)

    found: list[tuple[Category, int]] = []
    todo = [(category, 0) for category in reversed(below[None])]
    while todo:  # a tree may be deeper than functions can call each other
        category, depth = todo.pop()
        found.append((category, depth))
        todo += [(child, depth + 1) for child in reversed(below[category.pk])]
    return found


def without_branch(tree: list[tuple[Category, int]], pk: uuid.UUID) -> list[tuple[Category, int]]:
    """Return what is neither this category nor below it: where it may go."""
    kept, branch_depth = [], None
    for category, depth in tree:
        if branch_depth is not None and depth > branch_depth:
            continue
        branch_depth = depth if category.pk == pk else None
        if branch_depth is None:
            kept.append((category, depth))
    return kept


def indented(category: Category, depth: int) -> str:
    return f"{INDENT * depth}{category.name}"
