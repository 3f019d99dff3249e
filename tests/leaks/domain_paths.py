"""How every reading function of the domain is walked, whether or not an address leads to it yet.

`test_domain_walk.py` fails when a queryset that decides who sees what, or a public function that reads for an actor, is
missing here.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import cms.search
import cms.services
from cms import querysets
from cms.models import (
    ApiKey,
    AuditEvent,
    AuthSession,
    Category,
    Comment,
    Delivery,
    MediaFile,
    Post,
    PostRevision,
    Tag,
    User,
    Webhook,
)
from cms.policy import Actor
from cms.search.results import filter_posts, search_posts
from cms.search.suggestions import suggest
from cms.services.drafts import find_draft
from cms.services.posts import find_editable_post
from cms.services.revisions import compare_revisions, get_revision, list_revisions
from tests.leaks.world import World

type Read = Callable[[World, Actor], Iterable[Any]]
"""What an actor gets, as values whose text is looked through."""

# Reading verbs: a public function that begins with one of them and takes whoever asks is a read path.
VERBS: Final = (
    "list",
    "get",
    "find",
    "search",
    "suggest",
    "filter",
    "count",
    "compare",
    "facet",
    "highlight",
    "preview",
)
WHO_ASKS: Final = {"actor", "user"}
DECIDERS: Final = ("visible_to", "visible_parts", "met_by", "accounts_visible_to", "editable_by", "public")
POST_COLUMNS: Final = (
    "title",
    "slug",
    "content",
    "content_html",
    "excerpt",
    "meta_title",
    "meta_description",
    "language",
)


def _posts(rows: Any) -> Iterable[Any]:
    found: Iterable[Any] = rows.values_list(*POST_COLUMNS)
    return found


def _searched(world: World, actor: Actor) -> Iterator[Any]:
    """By words that stand in hidden posts alone: the answer then tells of them by being there, or by its number."""
    for state in world.hidden:
        for word in world.words(f"{state} post's")[:5]:
            visible = Post.objects.visible_to(actor, world.now)
            found = search_posts(word, user=actor, now=world.now, among=lambda rows: rows)
            yield f"{word} counted" if found.hits or found.total or found.facets["tags"] else ""
            yield from _posts(filter_posts(visible, word))


def _suggested(world: World, actor: Actor) -> Iterator[Any]:
    for state in world.hidden:
        for word in world.words(f"{state} post's title"):
            yield from suggest(word[:5], user=actor, now=world.now, limit=50)


def _revisions(world: World, actor: Actor) -> Iterator[Any]:
    for post in world.posts:
        yield from list_revisions(actor=actor, post=post).values_list("snapshot")


def _compared(world: World, actor: Actor) -> Iterator[Any]:
    for post in world.posts:
        older, newer = post.revisions.order_by("number")[0], post.revisions.order_by("number").last()
        yield from compare_revisions(actor=actor, older=older, newer=newer)


def _editable(world: World, actor: Actor) -> Iterator[Any]:
    for post in world.posts:
        for name in (str(post.pk), post.slug):
            if found := find_editable_post(actor, name):
                yield [getattr(found, column) for column in POST_COLUMNS]


def _drafts(world: World, actor: Actor) -> Iterator[Any]:
    for post in world.posts:
        for number in post.revisions.values_list("number", flat=True):
            if found := find_draft(actor, post, number):
                yield found.snapshot


DOMAIN_READS: Final[dict[str, Read]] = {
    "UserQuerySet.accounts_visible_to": lambda w, actor: User.objects.accounts_visible_to(actor).values_list(
        "pk", "username", "email", "first_name", "last_name", "display_name", "bio"
    ),
    "UserQuerySet.visible_to": lambda w, actor: User.objects.visible_to(actor, w.now).values_list(
        "pk", "username", "display_name", "bio"
    ),
    "AuditEventQuerySet.visible_to": lambda w, actor: AuditEvent.objects.visible_to(actor).values_list(
        "before", "after", "request_id"
    ),
    "AuthSessionQuerySet.visible_to": lambda w, actor: AuthSession.objects.visible_to(actor).values_list("pk"),
    "PostQuerySet.visible_to": lambda w, actor: _posts(Post.objects.visible_to(actor, w.now)),
    "PostQuerySet.visible_parts": lambda w, actor: [
        post for part in Post.objects.visible_parts(actor, w.now) for post in _posts(part)
    ],
    "PostQuerySet.editable_by": lambda w, actor: _posts(Post.objects.editable_by(actor)),
    "PostQuerySet.public": lambda w, _: _posts(Post.objects.public(w.now)),
    "PostRevisionQuerySet.visible_to": lambda w, a: PostRevision.objects.visible_to(a).values_list("snapshot"),
    "CategoryQuerySet.visible_to": lambda w, a: Category.objects.visible_to(a).values_list(
        "name", "slug", "description"
    ),
    "TagQuerySet.visible_to": lambda w, a: Tag.objects.visible_to(a, w.now).values_list("name", "slug", "description"),
    "TagQuerySet.met_by": lambda w, a: Tag.objects.met_by(a, w.now).values_list("name", "slug", "description"),
    "CommentQuerySet.visible_to": lambda w, a: Comment.objects.visible_to(a, w.now).values_list("text", "author_name"),
    "MediaFileQuerySet.visible_to": lambda w, a: MediaFile.objects.visible_to(a, w.now).values_list(
        "file", "original_name", "alt_text", "caption", "sha256"
    ),
    "ApiKeyQuerySet.visible_to": lambda w, actor: ApiKey.objects.visible_to(actor).values_list("name", "prefix"),
    "WebhookQuerySet.visible_to": lambda w, actor: Webhook.objects.visible_to(actor).values_list("url"),
    "DeliveryQuerySet.visible_to": lambda w, actor: Delivery.objects.visible_to(actor).values_list("payload"),
    "cms.search.results.search_posts": _searched,
    "cms.search.results.filter_posts": _searched,  # takes whatever posts its caller has found visible
    "cms.search.suggestions.suggest": _suggested,
    "cms.services.revisions.list_revisions": _revisions,
    "cms.services.revisions.get_revision": lambda w, actor: [
        get_revision(actor=actor, post=post, number=1).snapshot for post in Post.objects.editable_by(actor)
    ],
    "cms.services.revisions.compare_revisions": _compared,
    "cms.services.posts.find_editable_post": _editable,
    "cms.services.drafts.find_draft": _drafts,
}


def domain_reads() -> set[str]:
    """The names of all that reads for somebody: deciding methods of querysets, functions of services and of search."""
    packages = (cms.services, cms.search)
    return {*_deciders()} | {name for package in packages for name in _functions_of(package)}


def _deciders() -> Iterator[str]:
    for module in _modules_of(querysets):
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__:
                yield from (f"{name}.{decider}" for decider in DECIDERS if decider in vars(cls))


def _functions_of(package: ModuleType) -> Iterator[str]:
    for module in _modules_of(package):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__
            if is_own and name.split("_")[0] in VERBS and WHO_ASKS & inspect.signature(function).parameters.keys():
                yield f"{module.__name__}.{name}"


def _modules_of(package: ModuleType) -> Iterator[ModuleType]:
    return (import_module(found.name) for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
