"""Posts against a small model of what they should be: random acts in any order, time moves only through `now`."""

import dataclasses
import datetime
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from uuid_utils.compat import uuid7

from cms.errors import InvalidTransition
from cms.models import Category, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import create_post, update_post

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
TAGS = ("red", "green", "blue")
ALLOWED = {
    "draft": {"published", "archived", "trashed"},
    "published": {"draft", "archived", "trashed"},
    "archived": {"draft", "trashed"},
}
indexes = st.integers(0, 2)
tag_sets = st.sets(st.sampled_from(TAGS))


@dataclasses.dataclass
class Expected:
    """What one post should be."""

    tags: set[str]
    status: str = "draft"
    before_trash: str = ""
    kind: str = "post"
    visibility: str = "public"
    published_at: datetime.datetime | None = None
    expires_at: datetime.datetime | None = None
    version: int = 1
    is_counted: bool = False  # as of its last change: the clock alone changes no count

    def is_public(self, now: datetime.datetime) -> bool:
        begins, ends = self.published_at, self.expires_at
        is_in_time = begins is not None and begins <= now and (ends is None or now < ends)
        return self.status == "published" and self.visibility == "public" and is_in_time

    def ways(self) -> set[str]:
        return {self.before_trash} if self.status == "trashed" else ALLOWED[self.status]

    def changed(self, now: datetime.datetime) -> None:
        self.version += 1
        self.is_counted = self.kind == "post" and self.is_public(now)


class PostMachine(RuleBasedStateMachine):
    @initialize()
    def make_posts(self) -> None:
        self.now = START
        name = f"machine_{uuid7().hex[-12:]}"
        author = User.objects.create(username=name, email=f"{name}@example.org", role="author")
        self.category = create_category(actor=SYSTEM, fields={"name": name}, now=self.now)
        self.tags = {colour: f"{colour} {name}" for colour in TAGS}
        self.posts: list[Post] = []
        for _ in range(3):
            fields: Any = {"title": "A", "content": "a", "categories": [self.category], "tags": [self.tags["red"]]}
            self.posts.append(create_post(actor=SYSTEM, fields=fields, now=self.now, author=author))
        self.expected = [Expected({"red"}) for _ in self.posts]

    @rule(minutes=st.integers(1, 5))
    def let_time_pass(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(index=indexes, minutes=st.none() | st.integers(-3, 5), lifetime=st.none() | st.integers(1, 6))
    def publish(self, index: int, minutes: int | None, lifetime: int | None) -> None:
        expected = self.expected[index]
        begins = self.now if minutes is None else self.now + minutes * MINUTE
        ends = begins + lifetime * MINUTE if lifetime else expected.expires_at
        if ends is not None and ends <= begins:
            return
        is_scheduled = expected.status == "published" and (expected.published_at or self.now) > self.now
        is_allowed = is_scheduled or ("published" in expected.ways() and expected.status != "trashed")
        if self._try(index, publish_post, is_allowed, published_at=begins, expires_at=ends):
            expected.status, expected.published_at, expected.expires_at = "published", begins, ends
            expected.changed(self.now)

    @rule(index=indexes)
    def unpublish(self, index: int) -> None:
        expected = self.expected[index]
        if self._try(index, unpublish_post, expected.status == "published"):
            expected.status, expected.published_at = "draft", None
            expected.changed(self.now)

    @rule(index=indexes)
    def archive(self, index: int) -> None:
        expected = self.expected[index]
        if self._try(index, archive_post, expected.status in ("draft", "published")):
            expected.status = "archived"
            expected.changed(self.now)

    @rule(index=indexes)
    def trash(self, index: int) -> None:
        expected = self.expected[index]
        if self._try(index, trash_post, expected.status != "trashed"):
            expected.status, expected.before_trash = "trashed", expected.status
            expected.changed(self.now)

    @rule(index=indexes)
    def restore(self, index: int) -> None:
        expected = self.expected[index]
        if self._try(index, restore_post, expected.status in ("archived", "trashed")):
            expected.status = expected.before_trash if expected.status == "trashed" else "draft"
            expected.before_trash = ""
            if expected.status == "draft":
                expected.published_at = None
            expected.changed(self.now)

    @rule(index=indexes, kind=st.sampled_from(["post", "page"]), visibility=st.sampled_from(["public", "private"]))
    def change(self, index: int, kind: str, visibility: str) -> None:
        expected = self.expected[index]
        self._update(index, kind=kind, visibility=visibility)
        if (expected.kind, expected.visibility) != (kind, visibility):
            expected.kind, expected.visibility = kind, visibility
            expected.changed(self.now)

    @rule(index=indexes, tags=tag_sets)
    def retag(self, index: int, tags: set[str]) -> None:
        self._update(index, tags=[self.tags[colour] for colour in sorted(tags)])
        if self.expected[index].tags != tags:
            self.expected[index].tags = tags
            self.expected[index].changed(self.now)

    @invariant()
    def posts_are_what_they_should_be(self) -> None:
        for post, expected in zip(self.posts, self.expected, strict=True):
            stored = Post.objects.get(pk=post.pk)
            for name in ("status", "kind", "visibility", "published_at", "expires_at", "version", "is_counted"):
                assert getattr(stored, name) == getattr(expected, name), name
            assert stored.status_before_trash == expected.before_trash
            assert stored.is_public(self.now) == expected.is_public(self.now)

    @invariant()
    def the_query_agrees_with_the_model(self) -> None:
        public = Post.objects.filter(pk__in=[post.pk for post in self.posts]).public(self.now)
        wanted = {p.pk for p, expected in zip(self.posts, self.expected, strict=True) if expected.is_public(self.now)}
        assert set(public.values_list("pk", flat=True)) == wanted

    @invariant()
    def counts_equal_a_recount(self) -> None:
        counted = [expected for expected in self.expected if expected.is_counted]
        used = Counter(self.tags[colour] for expected in counted for colour in expected.tags)
        stored = dict(Tag.objects.filter(name__in=self.tags.values()).values_list("name", "usage_count"))
        assert stored == {name: used[name] for name in stored}
        assert Category.objects.get(pk=self.category.pk).post_count == len(counted)

    def _try(self, index: int, act: Any, is_allowed: bool, **more: Any) -> bool:
        """Whether it was done; a refusal names both states and what is allowed, and changes nothing."""
        expected = self.expected[index]
        if is_allowed:
            act(actor=SYSTEM, post=self.posts[index], now=self.now, **more)
            return True
        with pytest.raises(InvalidTransition) as caught:
            act(actor=SYSTEM, post=self.posts[index], now=self.now, **more)
        assert caught.value.current == expected.status
        assert set(caught.value.allowed) == expected.ways()
        assert f"from {expected.status} to " in caught.value.message
        return False

    def _update(self, index: int, **changes: Any) -> None:
        update_post(actor=SYSTEM, post=self.posts[index], changes=changes, now=self.now)  # type: ignore[typeddict-item]


@pytest.mark.django_db
def test_posts_behave_like_their_model() -> None:
    run_state_machine_as_test(
        PostMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
