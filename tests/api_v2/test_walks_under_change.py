"""A walk through any list, forwards or backwards, while rows come, go, move and are edited: each that stays comes once."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.models import Post, User
from tests.api_v2.shelves import INSTANTS, Shelf, shelves
from tests.api_v2.walking import last_page, walk, walk_back

NAMES = ["comments", "thread", "tags", "categories", "users", "media", "audit"]
FILTERS = ["", "&kind=page", "&author=walker", "&language=en,de", "&published_after=2025-12-31T00:00:00Z"]
KEYS = ["created_at", "updated_at", "published_at", "title"]
WALKS = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.lists(st.integers(0, 2), min_size=2, max_size=9)
kinds = st.sampled_from(["insert", "insert", "delete", "edit", "edit", "move"])
changes = st.lists(st.tuples(kinds, st.integers(0, 99), st.integers(0, 2)), max_size=12)
sorts = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True).flatmap(
    lambda keys: st.tuples(*(st.sampled_from([key, f"-{key}"]) for key in keys)).map(",".join)
)
numbers = itertools.count(1)


@pytest.fixture
def admin(make_user: Callable[..., User]) -> User:
    return make_user("admin", username="walker")


@pytest.fixture
def reader(client_of: Callable[[User], Client], admin: User) -> Client:
    return client_of(admin)


class Walk:
    """One walk: its rows from the start on, and the writer who works between its pages."""

    def __init__(self, reader: Client, shelf: Shelf, at_first: list[int]) -> None:
        self.reader, self.shelf = reader, shelf
        self.rows = [shelf.make(next(numbers), place) for place in at_first]
        self.gone: set[Any] = set()
        self.new: list[Any] = []

    def writer(self, todo: list[tuple[str, int, int]]) -> Callable[[], None]:
        remaining = iter(todo)
        return lambda: self.change(*next(remaining, ("rest", 0, 0)))

    def change(self, kind: str, which: int, place: int) -> None:
        row = self.rows[which % len(self.rows)]
        found = type(row)._default_manager.filter(pk=row.pk)
        if kind == "insert":
            self.new.append(self.shelf.make(next(numbers), place).pk)
        elif kind == "edit" and self.shelf.edited:
            found.update(**self.shelf.edited)
        elif kind == "move" and self.shelf.moved:
            found.update(**self.shelf.moved)
            self.gone.add(row.pk)
        elif kind == "delete" and self.shelf.is_deletable:
            found.delete()
            self.gone.add(row.pk)

    def check(self, found: list[dict[str, Any]]) -> None:
        ids = [row["id"] for row in found]
        stayed = [str(row.pk) for row in self.rows if row.pk not in self.gone]
        assert [ids.count(pk) for pk in stayed] == [1] * len(stayed)
        assert all(ids.count(str(pk)) <= 1 for pk in self.new)


def go(walk_of: Walk, path: str, *, is_backward: bool, todo: list[tuple[str, int, int]]) -> None:
    write = walk_of.writer(todo)
    if is_backward:
        walk_of.check(walk_back(walk_of.reader, last_page(walk_of.reader, path), between=write))
    else:
        walk_of.check(walk(walk_of.reader, path, between=write))


@pytest.mark.parametrize("name", NAMES)
@settings(WALKS, max_examples=8)
@given(is_backward=st.booleans(), limit=st.integers(1, 3), at_first=places, todo=changes)
def test_a_walk_through_any_list_meets_each_row_that_stays_once(
    reader: Client,
    admin: User,
    make_post: Callable[..., Post],
    name: str,
    *,
    is_backward: bool,
    limit: int,
    at_first: list[int],
    todo: list[tuple[str, int, int]],
) -> None:
    shelf = shelves(admin, make_post(by=admin))[name]
    joint = "&" if "?" in shelf.path else "?"
    path = f"{shelf.path}{joint}limit={limit}"
    go(Walk(reader, shelf, at_first), path, is_backward=is_backward, todo=todo)


def posts_shelf(author: User, sort: str, asked: str) -> Shelf:
    """Drafts, some with an instant of publication; filtered by it, all have one."""

    def make(number: int, place: int) -> Post:
        has_instant = place > 0 or "published_after" in asked
        texts = {"title": "abc"[place], "slug": f"row-{number}", "content": "x"}
        post = Post(**texts, author=author, created_at=INSTANTS[place], updated_at=INSTANTS[number % 3])
        post.kind = "page" if "kind" in asked else "post"
        post.published_at = INSTANTS[place] if has_instant else None
        post.save(force_insert=True)
        return post

    moved = {"title": "zz", "published_at": INSTANTS[1], "updated_at": INSTANTS[2], "status": "archived"}
    return Shelf(f"/posts?status=draft&sort={sort}{asked}", make, {"excerpt": "y", "meta_title": "y"}, moved)


@settings(WALKS, max_examples=40)
@given(
    sort=sorts,
    asked=st.sampled_from(FILTERS),
    is_backward=st.booleans(),
    limit=st.integers(1, 3),
    at_first=places,
    todo=changes,
)
def test_a_walk_through_posts_in_any_order_and_filter_meets_each_that_stays_once(
    reader: Client,
    admin: User,
    *,
    sort: str,
    asked: str,
    is_backward: bool,
    limit: int,
    at_first: list[int],
    todo: list[tuple[str, int, int]],
) -> None:
    Post.objects.all().delete()
    shelf = posts_shelf(admin, sort, asked)
    go(Walk(reader, shelf, at_first), f"{shelf.path}&limit={limit}", is_backward=is_backward, todo=todo)
