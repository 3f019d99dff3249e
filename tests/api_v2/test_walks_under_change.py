"""A walk through any list, forwards or backwards, while rows come, go, move and are edited: each that stays comes once."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.models import Category, Post, Tag, User
from cms.search import index_posts
from tests.api_v2.shelves import INSTANTS, Shelf, shelves
from tests.api_v2.walking import last_page, walk, walk_back
from tests.slow import slow_unless

NAMES = ["comments", "thread", "tags", "categories", "users", "media", "audit"]
FILTERS = [
    *("/posts?", "/posts?kind=page", "/posts?author=chief", "/posts?language=en,de"),
    "/posts?published_after=2025-12-31T00:00:00Z",
    *("/posts?tag=often", "/posts?tag=seldom", "/posts?tag=often,seldom", "/posts?category=above"),
    *("/posts?tag=seldom,often&category=above,below", "/posts?q=kettle", "/posts?q=kettle&tag=often,seldom"),
    *("/search?q=kettle", "/search?q=kettle&category=above&kind=page"),
]
KEYS = ["created_at", "updated_at", "published_at", "title"]
WALKS = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.lists(st.integers(0, 2), min_size=2, max_size=9)
kinds = st.sampled_from(["insert", "insert", "delete", "edit", "edit", "move", "refile", "take_out"])
changes = st.lists(st.tuples(kinds, st.integers(0, 99), st.integers(0, 2)), max_size=12)
sorts = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True).flatmap(
    lambda keys: st.tuples(*(st.sampled_from([key, f"-{key}"]) for key in keys)).map(",".join)
)
numbers = itertools.count(1)
PASSES_NOTHING = "pot"


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
        is_there = row.pk not in self.gone
        if kind == "insert":
            self.new.append(self.shelf.make(next(numbers), place).pk)
        elif kind == "edit" and self.shelf.edited:
            found.update(**self.shelf.edited)
        elif kind == "move" and self.shelf.moved:
            found.update(**self.shelf.moved)
            self.gone.add(row.pk)
        elif kind == "refile" and self.shelf.refile and is_there:
            self.shelf.refile(row)
        elif kind == "take_out" and self.shelf.take_out and is_there:
            self.shelf.take_out(row)
            self.gone.add(row.pk)
        elif kind == "delete" and self.shelf.is_deletable:
            found.delete()
            self.gone.add(row.pk)

    def check(self, found: list[dict[str, Any]]) -> None:
        ids = [(row["post"] if "score" in row else row)["id"] for row in found]  # a hit has a score
        stayed = [str(row.pk) for row in self.rows if row.pk not in self.gone]
        assert [ids.count(pk) for pk in stayed] == [1] * len(stayed)
        assert all(ids.count(str(pk)) <= 1 for pk in self.new)
        others = Post.objects.filter(slug__startswith=PASSES_NOTHING).values_list("pk", flat=True)
        assert not {*ids} & {str(pk) for pk in others}


def go(walk_of: Walk, path: str, *, is_backward: bool, todo: list[tuple[str, int, int]]) -> None:
    write = walk_of.writer(todo)
    if is_backward:
        walk_of.check(walk_back(walk_of.reader, last_page(walk_of.reader, path), between=write))
    else:
        walk_of.check(walk(walk_of.reader, path, between=write))


@pytest.mark.parametrize("name", [slow_unless(name in ("categories", "users"), name) for name in NAMES])
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


def posts_shelf(author: User, sort: str, path: str) -> Shelf:
    """Drafts, some with an instant of publication; filtered by it, all have one.

    Beside each that passes the filters stands one that ties with it and passes none of tag, category and q.
    """
    tags = [Tag.objects.get_or_create(name=name, name_key=name, slug=name)[0] for name in ("often", "seldom")]
    above, _ = Category.objects.get_or_create(name="above", slug="above")
    below, _ = Category.objects.get_or_create(name="below", slug="below", parent=above)
    is_filing = any(word in path for word in ("q=", "tag", "category"))

    def insert(number: int, place: int, word: str) -> Post:
        has_instant = place > 0 or "published_after" in path
        texts = {"title": "abc"[place], "slug": f"{word}-{number}", "content": "x", "content_html": f"<p>{word}</p>"}
        post = Post(**texts, author=author, created_at=INSTANTS[place], updated_at=INSTANTS[number % 3])
        post.kind = "page" if "kind" in path else "post"
        post.published_at = INSTANTS[place] if has_instant else None
        post.save(force_insert=True)
        index_posts([post])
        return post

    def refile(post: Post) -> None:
        post.tags.set(tags)
        post.categories.set([above, below])

    def make(number: int, place: int) -> Post:
        if is_filing:
            insert(number, place, PASSES_NOTHING)
        post = insert(number, place, "kettle")
        one = number % 2 if "often,seldom" in path or "seldom,often" in path else int("seldom" in path)
        post.tags.set(tags if place == 2 else [tags[one]])
        post.categories.set([[above], [below], [above, below]][place])
        return post

    def take_out(post: Post) -> None:
        post.tags.clear()
        post.categories.clear()
        Post.objects.filter(pk=post.pk).update(content_html=f"<p>{PASSES_NOTHING}</p>")
        index_posts(Post.objects.filter(pk=post.pk))

    moved = {"title": "zz", "published_at": INSTANTS[1], "updated_at": INSTANTS[2], "status": "archived"}
    whole = f"{path}{'' if path.endswith('?') else '&'}status=draft&sort={sort}"
    return Shelf(whole, make, {"excerpt": "y", "meta_title": "y"}, moved, refile, take_out if is_filing else None)


@pytest.mark.parametrize("asked", [slow_unless(n % 2 == 0, asked) for n, asked in enumerate(FILTERS)])
@settings(WALKS, max_examples=6)
@given(sort=sorts, is_backward=st.booleans(), limit=st.integers(1, 3), at_first=places, todo=changes)
def test_a_walk_through_posts_in_any_order_and_filter_meets_each_that_stays_once(
    reader: Client,
    admin: User,
    asked: str,
    *,
    sort: str,
    is_backward: bool,
    limit: int,
    at_first: list[int],
    todo: list[tuple[str, int, int]],
) -> None:
    Post.objects.all().delete()
    shelf = posts_shelf(admin, sort, asked)
    go(Walk(reader, shelf, at_first), f"{shelf.path}&limit={limit}", is_backward=is_backward, todo=todo)
