"""Categories in the order of their tree, however deep it is."""

import uuid

from cms.admin.trees import in_tree_order
from cms.models import Category


def category(name: str, parent: Category | None = None) -> Category:
    return Category(pk=uuid.uuid4(), name=name, parent=parent)


def test_a_category_stands_below_its_parent_and_siblings_by_name() -> None:
    tea, coffee = category("Tea"), category("coffee")
    green, black = category("Green", tea), category("black", tea)
    lost = category("Lost", category("not among them"))
    order = [(each.name, depth) for each, depth in in_tree_order([green, tea, lost, coffee, black])]
    assert order == [("coffee", 0), ("Lost", 0), ("Tea", 0), ("black", 1), ("Green", 1)]


def test_a_tree_may_be_deeper_than_functions_call_each_other() -> None:
    rows = [category("0")]
    for number in range(1, 3_000):
        rows.append(category(str(number), rows[-1]))
    assert [depth for _, depth in in_tree_order(rows)] == [*range(3_000)]
