"""Completing what somebody is typing: names of tags and titles of posts, among what the reader may see."""

import datetime
from itertools import chain
from typing import Final

from django.db.models import Q

from cms.choices import Status
from cms.models import Post, Tag
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.search.words import keys_of, words_of

PREFIX_MAX: Final = 100  # characters; the rest is not read
LIMIT_MAX: Final = 50
TITLES_READ: Final = 200
TAGS_READ: Final = 2_000  # the most used ones: their names are folded here, since no engine folds as the index does


def suggest(prefix: str, *, user: Actor, now: datetime.datetime, limit: int = 10) -> list[str]:
    """Return at most `limit` tags and titles that `user` may see and whose words continue `prefix`.

    Case and accents don't count, and the last word may be unfinished. Names that begin with the prefix come first, tags
    before titles, the newest first.
    """
    wanted = _wanted(prefix[:PREFIX_MAX])
    if not wanted or limit < 1:
        return []
    # Those who see the trash restore from it; nobody looks there for words.
    posts = Post.objects.visible_to(user, now).posts().exclude(status=Status.TRASHED)
    titles = posts.filter(search_document__suggestion__contains=wanted).order_by("-created_at", "-pk")
    tags, names = _tags(wanted, posts), titles.values_list("title", flat=True)[:TITLES_READ]
    found = sorted(chain(tags, names), key=lambda name: not _spelt(name).startswith(wanted))
    unique: dict[str, str] = {}
    for name in found:
        unique.setdefault(_spelt(name), name)
    return list(unique.values())[: min(limit, LIMIT_MAX)]


def words_begun(prefix: str) -> str:
    """Return what the stored words of a title contain if it goes on from `prefix`; empty for no words at all."""
    return _wanted(prefix[:PREFIX_MAX])


def _tags(wanted: str, posts: PostQuerySet) -> list[str]:
    """Return matching names of tags that a public post carries, as their count tells, or one of `posts`."""
    named = Tag.objects.order_by("-usage_count", "name").values_list("pk", "name", "usage_count")[:TAGS_READ]
    matching = {pk: count for pk, name, count in named if wanted in _spelt(name)}
    uncounted = [pk for pk, count in matching.items() if not count]
    # All links at once: a probe for each tag would read the table where many posts share few tags.
    links = Post.tags.through._default_manager.filter(tag_id__in=uncounted, post_id__in=posts.order_by().values("pk"))
    met = Q(usage_count__gt=0) | Q(pk__in=links.values("tag_id"))
    found = Tag.objects.filter(met, pk__in=list(matching)).order_by("-usage_count", "name")
    return list(found.values_list("name", flat=True)[:LIMIT_MAX])


def _wanted(prefix: str) -> str:
    """Return the text that the words of a matching name contain: whole words, except for the end of the last one."""
    words = list(words_of(prefix))
    # A run's last character may be followed by more of the run; its pairs say all that is known.
    if len(words) > 1 and words[-1].is_run_end and words[-2].is_run_part and not words[-2].is_run_end:
        del words[-1]
    return f" {' '.join(word.key for word in words)}" if words else ""


def _spelt(name: str) -> str:
    return f" {' '.join(keys_of(name))} "
