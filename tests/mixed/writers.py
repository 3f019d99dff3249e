"""Writes of the model as requests of either version, and what the answers and the database say of the post afterwards."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.test import Client
from hypothesis import strategies as st

from cms.models import Post
from tests.mixed.model import DAY, TAKEN_SLUG, PostModel, Write

type Answer = Any

TEXTS: Final[Mapping[str, Any]] = {
    "title": st.sampled_from(["One", "Two", "Zwölf"]),
    "content": st.sampled_from(["Plain words.", "Other words.", "Third words."]),
    "excerpt": st.sampled_from(["", "Its own.", "Plain words."]),
    "slug": st.sampled_from(["a", "b", TAKEN_SLUG]),
    "tags": st.sets(st.sampled_from(["red", "green", "blue"])).map(sorted),
    "meta_title": st.sampled_from(["Meta", "More meta"]),
    "meta_description": st.sampled_from(["About.", "About it."]),
}
_PUT = {**TEXTS, "category": st.sampled_from(["One", "Two"]), "published": st.booleans()}
_PATCH = {
    **TEXTS,
    "categories": st.sets(st.sampled_from(["One", "Two"])).map(sorted),
    "co_authors": st.sampled_from([["co_author"], []]),
    "content_format": st.sampled_from(["markdown", "html"]),
    "expires_at": st.sampled_from([9, None]),
    "featured_image": st.sampled_from(["image", None]),
    "kind": st.sampled_from(["post", "page"]),
    "language": st.sampled_from(["en", "pt-BR"]),
    "visibility": st.sampled_from(["public", "private"]),
}


def some_of(values: Mapping[str, Any]) -> Any:
    """A few of these values, as one request names them."""
    some = st.sets(st.sampled_from(sorted(values)), min_size=1, max_size=4)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: values[name] for name in sorted(names)}))


# Trash and archive would end most stories early if they weren't left as often as they are entered.
_OF_STATE: Final = [
    *(Write(2, name) for name in ("unpublish", "archive", "restore", "restore", "restore", "trash")),
    *(Write(1, "delete"), Write(2, "patch-of-an-old-version")),
    *(Write(1, "put", {"published": wanted}) for wanted in (True, False)),
]
writes: Final = st.one_of(
    st.builds(Write, st.just(1), st.just("put"), some_of(_PUT)),
    st.builds(Write, st.just(2), st.just("patch"), some_of(_PATCH)),
    st.builds(Write, st.just(2), st.just("publish"), st.sampled_from([{}, {"published_at": 1}, {"published_at": -1}])),
    st.sampled_from(_OF_STATE),
    st.sampled_from(_OF_STATE[::-1]),
)


@dataclass(frozen=True)
class Desk:
    """One writer with both versions at hand; `ids` are those of what the model calls by name."""

    client: Client
    post_id: UUID
    ids: Mapping[str, UUID]
    now: datetime.datetime

    def send(self, write: Write) -> Answer:
        """The answer to the request that makes this write."""
        if write.version == 1:
            path = f"/api/v1/posts/{self.post_id}"
            send = self.client.put if write.name == "put" else self.client.delete
            return send(path, dict(write.values), content_type="application/json")
        path = f"/api/v2/posts/{self.post_id}"
        if write.name == "trash":
            return self.client.delete(path)
        if write.name.startswith("patch"):
            headers = {"If-Match": '"0-old"'} if write.name != "patch" else {}
            body = self._patch_of(write.values or {"title": "Lost"})
            return self.client.patch(path, body, content_type="application/merge-patch+json", headers=headers)
        body = {name: self._instant(days) for name, days in write.values.items()}
        return self.client.post(f"{path}/actions/{write.name}", body, content_type="application/json")

    def read(self, version: int) -> Answer:
        return self.client.get(f"/api/v{version}/posts/{self.post_id}")

    def _patch_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith("meta_")}
        meta = {name.removeprefix("meta_"): value for name, value in values.items() if name.startswith("meta_")}
        named: dict[str, Any] = {
            name: [str(self.ids[key]) for key in values[name]] for name in ("categories", "co_authors") if name in body
        }
        if values.get("featured_image"):
            named["featured_image"] = str(self.ids["image"])
        if "expires_at" in body:
            body["expires_at"] = self._instant(values["expires_at"])
        return body | named | ({"meta": meta} if meta else {})

    def _instant(self, days: int | None) -> str | None:
        return None if days is None else (self.now + days * DAY).isoformat()


def stored(desk: Desk) -> tuple[dict[str, Any], int]:
    """The post as the database has it, in the model's words, and its version."""
    post = Post.objects.get(pk=desk.post_id)
    names = {pk: name for name, pk in desk.ids.items()}
    columns = ("title", "content", "slug", "meta_title", "meta_description", "content_format", "kind")
    values = {
        **{name: getattr(post, name) for name in (*columns, "language", "visibility", "excerpt")},
        "expires_at": _days(post.expires_at, desk.now),
        "featured_image": names.get(post.featured_image_id),
        "co_authors": [names[user.pk] for user in post.co_authors.all()],
        "tags": {tag.name for tag in post.tags.all()},
        "categories": {category.name for category in post.categories.all()},
        "status": (post.status, post.status_before_trash),
        "published_in_days": _days(post.published_at, desk.now),
        "is_excerpt_derived": post.is_excerpt_derived,
    }
    return values, post.version


def expected(model: PostModel) -> dict[str, Any]:
    return {
        **{name: model.read(name) for name in model.columns},
        "tags": model.tags,
        "categories": model.categories,
        "status": (model.status, model.status_before_trash),
        "published_in_days": model.published_in_days,
        "is_excerpt_derived": model.is_excerpt_derived,
    }


def _days(instant: datetime.datetime | None, now: datetime.datetime) -> int | None:
    return None if instant is None else round((instant - now) / DAY)


type OpenDesk = Callable[[], tuple[Desk, PostModel]]
