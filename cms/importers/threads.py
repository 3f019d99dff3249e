"""Things that stand below one another, such as comments and categories: parents first."""

from collections.abc import Container, Iterator

from cms.importers.items import CategoryItem, CommentItem


def in_thread_order[Nested: (CategoryItem, CommentItem)](
    items: dict[str, Nested], missing_reason: str
) -> Iterator[Nested]:
    """Parents first, else in the order of `items` (by external id); a circle is opened, and what lies below something
    that isn't there stands at the top."""
    done: set[str] = set()
    for item in items.values():
        line_of_descent: dict[str, Nested] = {}
        below: Nested | None = item
        while below is not None and below.external_id not in done:
            done.add(below.external_id)
            line_of_descent[below.external_id] = below
            below = _parent(below, items, line_of_descent, missing_reason)
        yield from reversed(line_of_descent.values())


def _parent[Nested: (CategoryItem, CommentItem)](
    item: Nested, items: dict[str, Nested], below: Container[str], missing_reason: str
) -> Nested | None:
    if item.parent is None:
        return None
    parent = items.get(item.parent)
    if parent is None or parent.external_id in below:
        reason = missing_reason if parent is None else f"A {item.noun} can't stand below itself."
        item.note("parent", item.parent, None, reason)
        item.parent = None
        return None
    return parent
