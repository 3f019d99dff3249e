"""The small site that every story of v1 begins with: users of every role, posts in every state, threads, trees, keys.

`print_world` fills an empty database and prints the ids and credentials as JSON. What it writes has fixed times, so that
the golden files hold them as they are; only sessions are opened now, for their tokens must be good.
"""

import dataclasses
import datetime
import io
import json
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from cms.models import ApiKey, Category, Post, User
from cms.policy import SYSTEM
from cms.services.api_keys import IssuedKey, create_api_key, revoke_api_key
from cms.services.categories import create_category
from cms.services.comments import create_comment, delete_comment
from cms.services.media import upload_media
from cms.services.post_states import archive_post, publish_post, trash_post
from cms.services.posts import create_post, update_post
from cms.services.sessions import close_session, open_session
from cms.services.tags import create_tag
from cms.services.users import create_user, update_user
from cms.tokens.access import Claims, make_token, read_token

START: Final = datetime.datetime(2026, 1, 1, 8, 30, tzinfo=datetime.UTC)
FAR: Final = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
HOUR: Final = datetime.timedelta(hours=1)
PASSWORD: Final = "a long enough pass-phrase"
OLD_PASSWORD: Final = "a pass-phrase of the old site"
ROLES: Final = {
    "admin": "admin",
    "editor": "editor",
    "author": "author",
    "co_author": "author",
    "other_author": "author",
    "subscriber": "subscriber",
    "other_subscriber": "subscriber",
    "suspended": "subscriber",
    "old_hash": "subscriber",
}


@dataclass
class World:
    """`ids` by the names that stories use, `credentials` as request headers by the name of whoever sends them."""

    ids: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    """What stories put into bodies."""


class Builder:
    def __init__(self) -> None:
        self.world = World()
        self.users: dict[str, User] = {}
        self.posts: dict[str, Post] = {}
        self.categories: dict[str, Category] = {}
        self.clock = START

    def tick(self) -> datetime.datetime:
        """The next hour: nothing is made at the time of something else."""
        self.clock += HOUR
        return self.clock

    def build(self) -> World:
        self._users()
        self._terms()
        self._posts()
        self._comments()
        self._keys()
        self._sessions()
        self._suspend()
        return self.world

    def _users(self) -> None:

        for name, role in ROLES.items():
            words = name.split("_")
            fields: Any = {"username": name, "email": f"{name}@example.org", "role": role}
            fields |= {"first_name": words[0].capitalize(), "last_name": "Example", "display_name": f"The {name}"}
            fields |= {"bio": f"What {name} does.", "email_verified": name != "other_subscriber"}
            user = create_user(actor=SYSTEM, fields=fields, password=PASSWORD, now=self.tick())
            self.users[name], self.world.ids[f"user.{name}"] = user, str(user.pk)
        cheap = PBKDF2PasswordHasher().encode(OLD_PASSWORD, "0123456789abcdef", iterations=1_000)
        self.users["old_hash"].password = cheap
        self.users["old_hash"].save(update_fields=["password"])

    def _terms(self) -> None:
        categories: dict[str, dict[str, Any]] = {
            "science": {"name": "Science", "description": "What can be measured."},
            "physics": {"name": "Physics", "parent": "science"},
            "history": {"name": "History"},
            "inactive": {"name": "Old stuff", "is_active": False},
        }
        for name, fields in categories.items():
            values: Any = {**fields, "parent": self.categories.get(fields.get("parent", ""))}
            category = create_category(actor=SYSTEM, fields=values, now=self.tick())
            self.categories[name], self.world.ids[f"category.{name}"] = category, str(category.pk)
        tags: dict[str, Any] = {
            "light": {"name": "Light & shadow", "slug": "light", "description": "On optics."},
            "zürich": {"name": "Zürich"},
            "unused": {"name": "unused"},
        }
        for name, fields in tags.items():
            tag = create_tag(actor=SYSTEM, fields=fields, now=self.tick())  # type: ignore[arg-type]
            self.world.ids[f"tag.{name}"] = str(tag.pk)

    def _posts(self) -> None:
        self._post("plain", title="A plain post", content="Some *plain* text.\n\nAnd more.", tags=["Zürich"])
        self._full_post("full", published_at=self.tick(), expires_at=FAR)
        self._post(
            "other", by="other_author", title="By somebody else", content="Other words.", tags=["light & SHADOW"]
        )
        self._post("page", title="About", content="A page.", kind="page")
        self._post("private", title="A private post", content="For few.", visibility="private")
        self._post("draft", title="A draft", content="Not yet.", published_at=None, tags=["Zürich"])
        self._post("others_draft", by="other_author", title="Another's draft", content="Not yet.", published_at=None)
        self._full_post("scheduled", published_at=FAR - HOUR, expires_at=FAR)
        self._post("expired", title="An expired post", content="Over.", expires_at=START + 100 * HOUR)
        archived = self._full_post("archived", published_at=self.tick())
        self.posts["archived"] = archive_post(actor=SYSTEM, post=archived, now=self.tick())
        update_post(actor=SYSTEM, post=self.posts["plain"], changes={"meta_title": "Plain"}, now=self.tick())
        trashed = self._post("trashed", title="A trashed post", content="Away.")
        self.posts["trashed"] = trash_post(actor=SYSTEM, post=trashed, now=self.tick())

    def _full_post(self, name: str, **how: Any) -> Any:
        """Every field that only v2 knows is filled, and those of v1 as well."""
        upload = io.BytesIO(_picture())
        media = upload_media(
            actor=SYSTEM,
            upload=upload,
            original_name=f"{name}.png",
            fields={},
            now=self.tick(),
            uploader=self.users["author"],
        )
        self.world.ids[f"media.{name}"] = str(media.pk)
        filed = [self.categories["physics"], self.categories["history"], self.categories["inactive"]]
        fields = {
            "title": f"A full post, {name}",
            "content": f"<p>All of it: <em>{name}</em>.</p>",
            "content_format": "html",
            "excerpt": "In short.",
            "slug": f"full-{name}",
            "language": "de",
            "meta_title": "Meta",
            "meta_description": "M.",
            "tags": ["Zürich", "Light & shadow"],
            "categories": filed,
            "co_authors": [self.users["co_author"]],
            "featured_image": media,
        }
        return self._post(name, **fields, **how)

    def _post(
        self, name: str, *, by: str = "author", published_at: Any = START, expires_at: Any = None, **fields: Any
    ) -> Any:
        """Published at its own hour unless another instant, or None, is given."""
        post = create_post(actor=SYSTEM, fields=fields, now=self.tick(), author=self.users[by])  # type: ignore[arg-type]
        if published_at is not None:
            at = self.clock if published_at == START else published_at
            post = publish_post(actor=SYSTEM, post=post, now=self.clock, published_at=at, expires_at=expires_at)
        self.posts[name], self.world.ids[f"post.{name}"] = post, str(post.pk)
        return post

    def _comments(self) -> None:
        comments: dict[str, Any] = {}
        for name, post, fields in (
            ("first", "plain", {"author": "subscriber", "text": "The first."}),
            ("guest", "plain", {"author_name": "A guest", "author_email": "g@example.org", "text": "A guest's."}),
            ("gone", "plain", {"author": "subscriber", "text": "Deleted later."}),
            ("answer", "plain", {"author": "author", "text": "An answer.", "parent": "gone"}),
            ("pending", "plain", {"author": "subscriber", "text": "Waiting.", "status": "pending"}),
            ("spam", "plain", {"author_name": "Seller", "text": "Buy.", "status": "spam"}),
            ("on_draft", "draft", {"author": "editor", "text": "Not good yet."}),
        ):
            parent = comments.get(str(fields.get("parent")))
            values: Any = {
                "status": "published",
                **fields,
                "parent": parent,
                "author": self.users.get(fields.get("author")),
            }  # type: ignore[arg-type]
            now = self.tick()
            comment = create_comment(actor=SYSTEM, post=self.posts[post], fields={**values, "created_at": now}, now=now)
            comments[name], self.world.ids[f"comment.{name}"] = comment, str(comment.pk)
        delete_comment(actor=SYSTEM, comment=comments["gone"], now=self.tick())

    def _keys(self) -> None:
        """One that has expired can't be issued, so it is issued for later and brought forward."""
        issued: dict[str, IssuedKey] = {}
        for name, owner, scopes in (
            ("reader", "author", ["posts:read"]),
            ("writer", "author", ["posts:read", "posts:write"]),
            ("commenter", "author", ["comments:write"]),
            ("subscriber", "subscriber", ["posts:read"]),
            ("admin", "admin", ["posts:read", "posts:write", "users:read", "users:write"]),
            ("users_reader", "admin", ["users:read"]),
            ("revoked", "author", ["posts:read", "posts:write"]),
            ("expired", "author", ["posts:read"]),
            ("suspended", "suspended", ["posts:read"]),
        ):
            expires_at = FAR if name in ("writer", "expired") else None
            fields: Any = {
                "name": f"Key {name}",
                "scopes": scopes,
                "contact_email": "k@example.org",
                "expires_at": expires_at,
            }
            key = create_api_key(actor=SYSTEM, owner=self.users[owner], fields=fields, now=self.tick())
            issued[name], self.world.ids[f"key.{name}"] = key, str(key.api_key.pk)
            self.world.credentials[f"key {name}"] = {"X-API-Key": key.raw_key}
        revoke_api_key(actor=SYSTEM, api_key=issued["revoked"].api_key, now=self.tick())
        ApiKey.objects.filter(pk=issued["expired"].api_key.pk).update(expires_at=START + HOUR)

    def _sessions(self) -> None:
        """A session for everybody, and the tokens that are refused."""

        now, credentials = timezone.now(), self.world.credentials
        for name, user in self.users.items():
            tokens = open_session(user=user, now=now)
            credentials[name] = _bearer(tokens.access_token)
            if name == "subscriber":
                claims = read_token("access", tokens.access_token, now)
                old = make_token("access", claims, now - 2 * HOUR, 3_600)
                credentials |= {"expired token": _bearer(old), "refresh token": _bearer(tokens.refresh_token)}
                head, _, signature = tokens.access_token.rpartition(".")
                other = "B" if signature[0] == "A" else "A"
                credentials["tampered token"] = _bearer(f"{head}.{other}{signature[1:]}")
                nobody = Claims(claims.session_id, claims.session_id, 1)
                credentials["token of nobody"] = _bearer(make_token("access", nobody, now, 900))
                self.world.values["expired_refresh"] = make_token("refresh", claims, now - 2 * HOUR, 3_600)
                self.world.values["access_token"] = tokens.access_token
        gone = open_session(user=self.users["subscriber"], now=now)
        close_session(claims=read_token("access", gone.access_token, now), now=now)
        credentials["token after logout"] = _bearer(gone.access_token)
        credentials |= {"garbage token": _bearer("abc"), "basic": {"Authorization": "Basic dTpw"}}
        credentials |= {"garbage key": {"X-API-Key": "abc"}, "anonymous": {}}

    def _suspend(self) -> None:
        update_user(actor=SYSTEM, user=self.users["suspended"], changes={"is_active": False}, now=self.tick())


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), "teal").save(file, "PNG")
    return file.getvalue()


def print_world() -> None:
    """Begins with an empty database and Django set up."""
    call_command("migrate", verbosity=0)
    print(json.dumps(dataclasses.asdict(Builder().build())))
