"""A small site, and the secrets that are planted in it. Each secret is a random word that stands in one place alone."""

import datetime
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser, Group

from cms.choices import CommentStatus
from cms.models import (
    ApiKey,
    AuditEvent,
    Category,
    Comment,
    Delivery,
    ImportRecord,
    Invitation,
    MediaFile,
    Post,
    PostRevision,
    Redirect,
    Tag,
    Transfer,
    User,
    Webhook,
)
from cms.policy import SYSTEM, Actor
from cms.services.audit import record_event
from cms.services.categories import create_category
from cms.services.comments import create_comment, delete_comment
from cms.services.origin import Origin, set_origin
from cms.services.post_states import archive_post, publish_post, trash_post
from cms.services.posts import create_post, update_post
from cms.services.restoring import restore_revision
from cms.services.tags import create_tag
from cms.services.users import create_user
from tests.leaks.records import plant_records

WORD: Final = re.compile(rb"zq[0-9a-f]{6}")
"""No longer than a subtag of a language may be."""
DAY: Final = datetime.timedelta(days=1)
ROLES: Final = {
    "anonymous": None,
    "subscriber": "subscriber",
    "commenter": "subscriber",
    "other_author": "author",
    "author": "author",
    "co_author": "author",
    "editor": "editor",
    "admin": "admin",
}
"""Who walks: `author` has written the hidden posts together with `co_author`, `commenter` the hidden comments."""
STRANGERS: Final = ("anonymous", "subscriber", "other_author")
"""Roles that may see none of the secrets."""
INSIDERS: Final = frozenset({"author", "co_author", "editor", "admin"})
MODERATORS: Final = frozenset({"editor", "admin"})
ADMIN: Final = frozenset({"admin"})
NOBODY: Final[frozenset[str]] = frozenset()
HIDDEN_STATES: Final = ("draft", "scheduled", "expired", "private", "archived", "trashed")


@dataclass(frozen=True)
class Secret:
    """`may` see it, and of these `must` find it somewhere on their walk."""

    place: str
    may: frozenset[str]
    must: frozenset[str]


def _drawn_words() -> Iterator[str]:
    """Yield words that all differ: of 180 drawn one by one, two would be the same in one world of a thousand."""
    return (f"zq{number:06x}" for number in random.Random(1).sample(range(16**6), 1_000))


@dataclass
class World:
    now: datetime.datetime
    users: dict[str, User] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    """By the word itself."""
    public: list[Post] = field(default_factory=list)
    hidden: dict[str, Post] = field(default_factory=dict)
    tags: list[Tag] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    old_slugs: list[str] = field(default_factory=list)
    lurkers: list[User] = field(default_factory=list)
    """Users whose profiles are hidden from strangers."""
    rows: dict[str, list[Any]] = field(default_factory=dict)
    """Of each model that has pages in the admin site."""
    _words: Iterator[str] = field(default_factory=_drawn_words)

    def word(self, place: str, may: frozenset[str], must: frozenset[str] | None = None) -> str:
        """A new secret, for whoever is not said otherwise all that may see it must."""
        word = next(self._words)
        self.secrets[word] = Secret(place, may, may if must is None else must)
        return word

    def actor(self, role: str) -> Actor:
        return self.users[role] if role in self.users else AnonymousUser()

    @property
    def long_secrets(self) -> list[str]:
        """Those that aren't words of ours: ids and password hashes."""
        return [secret for secret in self.secrets if not WORD.fullmatch(secret.encode())]

    @property
    def posts(self) -> list[Post]:
        return [*self.hidden.values(), *self.public]

    def words(self, place: str) -> list[str]:
        return [word for word, secret in self.secrets.items() if secret.place.startswith(place)]


def build_world(now: datetime.datetime) -> World:
    """What everybody may see, and the accounts. Their addresses and names are secrets already."""
    world = World(now)
    for role, stored in ROLES.items():
        if stored:
            world.users[role] = _user(world, role, stored)
    open_category = create_category(actor=SYSTEM, fields={"name": "Open"}, now=now)
    world.categories.append(open_category)
    for number in range(4):
        fields: Any = {"title": f"Public {number}", "content": f"Open words {number}.", "tags": ["one", "two"]}
        fields |= {"categories": [open_category], "kind": "page" if number == 3 else "post"}
        if number == 0:
            fields["content"] = f"Not for readers: {world.word('revision of a public post', INSIDERS)}."
        post = create_post(actor=SYSTEM, fields=fields, now=now, author=world.users["author"])
        if number == 0:
            taken_back: Any = {"content": "Open words.", "slug": "public-now", "co_authors": [world.users["co_author"]]}
            post = update_post(actor=SYSTEM, post=post, changes=taken_back, now=now)
        world.public.append(publish_post(actor=SYSTEM, post=post, now=now, published_at=now - (20 - 4 * number) * DAY))
    world.tags = list(Tag.objects.order_by("name"))
    world.old_slugs.append("public-0")
    _public_thread(world)
    return world


def _user(world: World, name: str, role: str) -> User:
    """The subscriber's own name and address are shown to nobody else but admins; so are those of everybody."""
    may = frozenset({name, "admin"})
    fields: Any = {
        "username": name,
        "role": role,
        "email": f"{world.word(f'e-mail of {name}', may)}@example.org",
        "first_name": world.word(f"first name of {name}", may),
        "last_name": world.word(f"last name of {name}", may),
    }
    return create_user(actor=SYSTEM, fields=fields, password=None, now=world.now)


def _public_thread(world: World) -> None:
    """A published comment by a guest, whose address nobody sees, and one that was deleted above an answer."""
    guest = {"author": None, "author_name": "Guest", "author_email": f"{world.word('guest e-mail', NOBODY)}@x.org"}
    world.comments.append(_comment(world, world.public[1], "An open comment.", **guest))
    gone_user = _lurker(world, "author of a deleted comment")
    world.lurkers.append(gone_user)
    gone = _comment(world, world.public[1], world.word("text of a deleted comment", NOBODY), author=gone_user)
    answer = _comment(world, world.public[1], "An open answer.", parent=gone, author=world.users["editor"])
    delete_comment(actor=SYSTEM, comment=gone, now=world.now)
    world.comments += [gone, answer]


def plant(world: World) -> None:
    """Everything that is hidden from those who are strangers to it. It touches nothing that is public."""
    # Walkers co-wrote public posts too, so that their profiles are public.
    hidden_co_author = _lurker(world, "hidden co-author", profile_may=INSIDERS)
    world.lurkers.append(hidden_co_author)
    set_origin(Origin(request_id=world.word("request id in the audit trail", ADMIN)))
    for state in HIDDEN_STATES:
        world.hidden[state] = _hidden_post(world, state, [world.users["co_author"], hidden_co_author])
    set_origin(Origin())
    fields: Any = {name: world.word(f"unused tag's {name}", MODERATORS) for name in ("name", "slug", "description")}
    world.tags.append(create_tag(actor=SYSTEM, fields=fields, now=world.now))
    _hidden_comments(world)
    name, slug = world.word("inactive category's name", MODERATORS), world.word("inactive category's slug", MODERATORS)
    fields = {"name": name, "slug": slug, "is_active": False}
    fields["description"] = world.word("inactive category's description", MODERATORS)
    inactive = create_category(actor=SYSTEM, fields=fields, now=world.now)
    inactive.posts.add(world.public[1], world.hidden["draft"])
    world.categories.append(inactive)
    world.lurkers.append(_lurker(world, "lurker"))
    for post in (world.public[0], world.hidden["draft"]):
        restore_revision(actor=SYSTEM, post=post, number=1, now=world.now)
    record_event(SYSTEM, "user.noted", world.users["author"], before={}, after={"x": world.word("audit value", ADMIN)})
    original = {"login": world.word("original of an import", ADMIN)}
    ImportRecord.objects.create(
        source="site", object_type="user", external_id="1", object_id=world.users["author"].pk, original=original
    )
    plant_records(world)
    world.rows = _rows_of(world)


def _lurker(world: World, place: str, *, profile_may: frozenset[str] = ADMIN) -> User:
    """Create an account that has nothing public. `profile_may` see its profile, only admins the rest."""
    fields: Any = {name: world.word(f"{place}'s {name}", profile_may) for name in ("username", "display_name", "bio")}
    fields |= {name: world.word(f"{place}'s {name}", ADMIN) for name in ("first_name", "last_name")}
    fields["email"] = f"{world.word(f'{place}s e-mail', ADMIN)}@example.org"
    user = create_user(actor=SYSTEM, fields={**fields, "role": "subscriber"}, password=None, now=world.now)
    world.secrets[str(user.pk)] = Secret(f"{place}'s id", profile_may, profile_may)
    world.secrets[user.password] = Secret(f"{place}'s password", NOBODY, NOBODY)
    return user


def _hidden_post(world: World, state: str, co_authors: list[User]) -> Post:
    """By `author` and the co-authors, filed under terms that public posts have too, among these by its instant."""
    now, author = world.now, world.users["author"]
    fields: Any = {
        name: world.word(f"{state} post's {name}", INSIDERS)
        for name in ("title", "content", "excerpt", "meta_title", "meta_description")
    }
    old_slug = world.word(f"{state} post's old slug", INSIDERS)
    fields |= {"slug": old_slug, "language": f"en-{world.word(f'{state} posts language', INSIDERS)}"}
    fields |= {"tags": ["one", "two"], "categories": [world.categories[0]], "co_authors": co_authors}
    fields["tags"].append(_hidden_tag(world, state).name)
    fields["visibility"] = "private" if state == "private" else "public"
    fields["content"] += " " + world.word(f"{state} post's taken back content", INSIDERS)
    post = create_post(actor=SYSTEM, fields=fields, now=now, author=author)
    changes: Any = {
        "slug": world.word(f"{state} post's slug", INSIDERS),
        "content": world.word(f"{state} post's new content", INSIDERS),
    }
    post = update_post(actor=SYSTEM, post=post, changes=changes, now=now)
    world.old_slugs.append(old_slug)
    if state == "draft":
        return post
    published_at = now + DAY if state == "scheduled" else now - 14 * DAY
    expires_at = now - DAY if state == "expired" else None
    post = publish_post(actor=SYSTEM, post=post, now=now, published_at=published_at, expires_at=expires_at)
    change = {"archived": archive_post, "trashed": trash_post}.get(state)
    return change(actor=SYSTEM, post=post, now=now) if change else post


def _hidden_tag(world: World, state: str) -> Tag:
    """For a hidden post alone: editors manage it, and the authors of the post see it there."""
    fields: Any = {
        name: world.word(f"{name} of the tag of a {state} post", INSIDERS) for name in ("name", "slug", "description")
    }
    tag = create_tag(actor=SYSTEM, fields=fields, now=world.now)
    world.tags.append(tag)
    return tag


def _hidden_comments(world: World) -> None:
    """On a public post by a user and by guests, and on every hidden post."""
    post, commenter = world.public[1], world.users["commenter"]
    own = MODERATORS | {"commenter"}
    for status in ("pending", "rejected", "spam"):
        text = world.word(f"{status} comment's text", own)
        world.comments.append(_comment(world, post, text, author=commenter, status=status))
        guest = {
            "author": None,
            "author_name": world.word(f"name of the guest of a {status} comment", MODERATORS),
            "author_email": f"{world.word(f'e-mail of the guest of a {status} comment', NOBODY)}@example.org",
        }
        text = world.word(f"guest's {status} comment", MODERATORS)
        world.comments.append(_comment(world, post, text, status=status, parent=world.comments[0], **guest))
    for state, hidden in world.hidden.items():
        text = world.word(f"published comment on a {state} post", INSIDERS)
        # Of what is in the trash authors are shown no comments in v1, in v2 they are.
        world.comments.append(_comment(world, hidden, text, author=world.users["other_author"]))
        text = world.word(f"pending comment on a {state} post", MODERATORS)
        world.comments.append(_comment(world, hidden, text, author=commenter, status="pending"))
    gone = _comment(world, post, world.word("text of a comment deleted without answers", NOBODY), author=commenter)
    world.comments.append(delete_comment(actor=SYSTEM, comment=gone, now=world.now))


def _comment(world: World, post: Post, text: str, **fields: Any) -> Comment:
    values: Any = {"text": text, "status": CommentStatus.PUBLISHED, **fields}
    return create_comment(actor=SYSTEM, post=post, fields=values, now=world.now)


def _rows_of(world: World) -> dict[str, list[Any]]:
    """Some rows of each model that has pages in the admin site: those with secrets first."""
    hidden = list(world.hidden.values())
    posts = world.posts
    return {
        "post": [*hidden, world.public[0]],
        "postrevision": list(PostRevision.objects.filter(post__in=posts).exclude(number=2).order_by("-number", "pk")),
        "comment": world.comments,
        "tag": world.tags,
        "category": world.categories[::-1],
        "user": [*world.lurkers, *world.users.values()],
        "invitation": list(Invitation.objects.all()),
        "mediafile": list(MediaFile.objects.all()),
        "redirect": list(Redirect.objects.filter(post__in=posts).order_by("-pk"))[:4],
        "auditevent": list(AuditEvent.objects.order_by("-pk")[:3])
        + list(AuditEvent.objects.filter(action="post.created", object_id__in=[post.pk for post in hidden])[:3]),
        "apikey": list(ApiKey.objects.all()),
        "importrecord": list(ImportRecord.objects.all()),
        "group": list(Group.objects.all()),
        "webhook": list(Webhook.objects.all()),
        "transfer": list(Transfer.objects.all()),
        "delivery": list(Delivery.objects.all()),
    }
