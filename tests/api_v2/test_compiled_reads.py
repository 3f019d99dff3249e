"""The proof that no kept text of a query captures its first reader: every query, every role, two readers."""

import gc
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import pytest
from django.test import Client

from cms.choices import CommentStatus
from cms.db.compiled import Slot, _Text, forget
from cms.models import Category, Comment, MediaFile, Post, User
from tests.api_v2.walking import BASE

ROLES: Final = ("anonymous", "subscriber", "author", "editor", "admin")
V1: Final = "/api/v1"
TOOK: Final = re.compile(rb'"took_ms":\d+')


@pytest.fixture(autouse=True)
def _nothing_is_kept(settings: Any) -> Iterator[None]:
    settings.PUBLIC_CACHE_MB = 0
    forget()
    yield
    forget()


class One:
    """A reader with a post, a tag, a category and a comment of their own, and words that nobody else uses."""

    def __init__(self, name: str, user: User, post: Post, category: Category, comment: Comment) -> None:
        self.name, self.user, self.post, self.category, self.comment = name, user, post, category, comment

    @property
    def marks(self) -> list[str]:
        """All that a text could have captured, as SQL may show it."""
        ids = [self.user.pk, self.post.pk, self.category.pk, self.comment.pk, self.post.featured_image_id]
        return [self.name, self.after, *(str(pk) for pk in ids), *(pk.hex for pk in ids)]

    @property
    def after(self) -> str:
        return "2001-02-03 04:05" if self.name == "wren" else "2003-04-05 06:07"

    def paths(self) -> Iterable[str]:
        named, at = f"{self.name}-post", f"{self.after.replace(' ', 'T')}:08Z"
        lists = (
            *(
                "",
                "&sort=title",
                "&sort=-updated_at&count=exact",
                "&include=author,tags,categories,featured_image",
                "&kind=post,page",
            ),
            *(f"&tag={self.name}", f"&category={self.name}", f"&author={self.user.pk}", f"&author={self.name}"),
            *(f"&published_after={at}", f"&updated_after={at}&count=exact", f"&ids={self.post.pk}", "&language=en"),
            *(f"&q={self.name}", f"&q={self.name}&count=exact", "&status=draft,published&sort=published_at"),
        )
        for query in lists:
            yield f"{BASE}/posts?limit=1{query}"
        for name in (named, self.post.pk):
            yield f"{BASE}/posts/{name}"
            yield f"{BASE}/posts/{name}?include=author,tags,featured_image"
            yield f"{BASE}/posts/{name}/comments?limit=1&count=exact"
        for query in ("", "&count=exact&include=author,tags", f"&tag={self.name}&language=en", f"&ids={self.post.pk}"):
            yield f"{BASE}/search?limit=1&q={self.name}{query}"
        yield f"{BASE}/comments/{self.comment.pk}"
        yield f"{BASE}/users/{self.user.pk}"
        for terms, term in (("tags", self.name), ("categories", self.name), ("categories", self.category.pk)):
            yield f"{BASE}/{terms}?limit=1&count=exact"
            yield f"{BASE}/{terms}/{term}"
        yield f"{BASE}/categories/tree"
        yield f"{BASE}/feed.atom?tag={self.name}"
        for query in ("", f"?tag={self.name}", f"?author={self.user.pk}&sort=-title", "?status=draft"):
            yield f"{V1}/posts{query}"
        yield from (f"{V1}/posts/{self.post.pk}", f"{V1}/posts/{self.post.pk}/comments", f"{V1}/tags")
        yield from (f"{V1}/search?q={self.name}", f"{V1}/admin/posts")


@pytest.fixture
def make_one(
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    make_category: Callable[..., Category],
    make_comment: Callable[..., Comment],
) -> Callable[..., One]:
    def make(name: str, role: str) -> One:
        user = make_user("author" if role == "anonymous" else role, username=name)
        category = make_category(name)
        facts: Any = {"mime_type": "image/png", "size_bytes": 9, "sha256": "0" * 64, "original_name": f"{name}.png"}
        picture = MediaFile.objects.create(file=f"media/{name}.png", uploaded_by=user, **facts)
        post = make_post(title=f"{name} post", by=user, tags=[name], categories=[category], featured_image=picture)
        make_post(title=f"{name} draft", by=user, tags=[name], is_published=False)
        make_comment(post, author=user, status=CommentStatus.PENDING, text=f"{name} waits")
        return One(name, user, post, category, make_comment(post, author=user, text=f"{name} says"))

    return make


def walk(client: Client, one: One) -> dict[str, Any]:
    """Return the answers at all paths, and on the next pages of lists."""
    answers: dict[str, Any] = {}
    todo = [*one.paths()]
    while todo:
        path = todo.pop()
        answer = client.get(path)
        answers[path] = answer.status_code, TOOK.sub(b"", answer.content)
        if answer.get("Content-Type", "").startswith("application/json") and "next" in (page := _page(answer.json())):
            todo += [place for place in (page["next"], page["previous"]) if place and place not in answers]
    return answers


def _page(body: Any) -> Any:
    return body.get("page") or {} if isinstance(body, dict) else {}


@pytest.mark.parametrize("role", ROLES)
def test_the_second_reader_of_a_role_gets_what_the_first_would_have_got(
    make_one: Callable[..., One], client_of: Callable[[User], Client], role: str
) -> None:
    one, two = make_one("wren", role), make_one("rook", role)
    first, second = (Client() if role == "anonymous" else client_of(each.user) for each in (one, two))
    as_first = walk(second, two)
    assert {status for status, _ in as_first.values()} <= {200, 403, 404} | ({401} if role == "anonymous" else set())
    assert sum(status == 200 for status, _ in as_first.values()) > 0.9 * len(as_first)
    forget()
    walk(first, one)
    assert walk(second, two) == as_first
    texts = kept_texts()
    assert len(texts) > 30
    assert [(text, mark) for text in texts for each in (one, two) for mark in each.marks if mark in text] == []


def kept_texts() -> list[str]:
    """Return all texts of compiled queries, with the values that are the same for everybody."""
    kept: list[Any] = [each for each in gc.get_objects() if type(each) is _Text]  # isinstance would wake lazy ones
    return [f"{text._sql} {[param for param in text._params if not isinstance(param, Slot)]}" for text in kept]
