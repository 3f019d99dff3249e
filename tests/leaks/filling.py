"""What the tables of paths share: the type of a line, and the ways in which paths and queries are put together."""

from collections.abc import Callable, Iterable

from tests.leaks.world import World

type Fill = Callable[[World], list[str]]
"""What stands after the route's mount, for everything that is to be asked."""


def plain(path: str, *queries: str) -> Fill:
    return lambda world: [path, *(f"{path}?{query}" for query in queries)]


def with_each(paths: Iterable[str], *queries: str) -> list[str]:
    return [f"{path}{query and '?'}{query}" for path in paths for query in ("", *queries)]


def post_names(world: World) -> list[str]:
    names = [str(post.pk) for post in world.posts] + [post.slug for post in world.posts]
    return [*names, *world.old_slugs, "no-such-post"]


def term_names(rows: Iterable[object]) -> list[str]:
    return [str(row.pk) for row in rows] + [row.slug for row in rows] + ["no-such-term"]  # type: ignore[attr-defined]
