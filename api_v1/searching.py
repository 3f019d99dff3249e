"""v1's search on top of the domain's: its parameters, its orders, its facets."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from api_v1.kept import Kept, objects_within
from api_v1.pagination import LIMIT_DEFAULT, LIMIT_MAX, number_or_default
from api_v1.queries import POST_COLUMNS, POST_SORT_KEYS, order_by, visible_posts
from cms import policy
from cms.db.compiled import Given
from cms.db.found import found_first
from cms.models import Post
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.search import SearchResults, filter_posts, search_posts
from cms.search.results import RANKED_MAX


@dataclass(frozen=True)
class Found:
    posts: Sequence[Post]
    total: int
    facets: dict[str, list[dict[str, Any]]]


def find(query: QueryDict, user: Actor, now: datetime.datetime) -> Found:
    """Return hits, the best first, or by a sort key of lists. `sort_order` is the key's: relevance has one order."""
    text, key = query.get("q", ""), query.get("sort_by")
    limit = number_or_default(query.get("limit"), LIMIT_DEFAULT, LIMIT_MAX)
    offset = number_or_default(query.get("offset"), 0, RANKED_MAX)
    is_sorted = key in POST_SORT_KEYS
    # Nobody else finds anything in the trash, and without more conditions the index is asked for less.
    among = _not_trashed if policy.is_known(user) else PostQuerySet.posts
    # A sorted list too has the total and the facets of the ranked posts.
    ranked = search_posts(text, user=user, now=now, among=among, limit=0 if is_sorted else limit, offset=offset)
    if is_sorted and offset < ranked.total:
        sign = "" if query.get("sort_order") == "asc" else "-"
        order = order_by(f"{sign}{key}", POST_SORT_KEYS, nullable=("published_at",))
        posts = filter_posts(visible_posts(user, now).posts(), text).order_by(*order)
        found = objects_within(found_first(posts[offset : offset + limit]), POST_COLUMNS)
    else:
        ids = [hit.post_id for hit in ranked.hits]
        rows = Kept(Post, _posts_seen, user, {"now": now, "ids": ids}, POST_COLUMNS)
        by_id = {post.pk: post for post in rows.first(LIMIT_MAX)} if ids else {}
        found = [by_id[hit.post_id] for hit in ranked.hits if hit.post_id in by_id]
    return Found(found, ranked.total, _facets(ranked))


def _facets(results: SearchResults) -> dict[str, list[dict[str, Any]]]:
    return {name: [{"slug": slug, "count": count} for slug, count in counts] for name, counts in results.facets.items()}


def _posts_seen(user: Actor, given: Given) -> PostQuerySet:
    return visible_posts(user, given.now).posts().filter(pk__any_of=given.ids).order_by()


def _not_trashed(rows: PostQuerySet) -> PostQuerySet:
    return rows.not_trashed().posts()
