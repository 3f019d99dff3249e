"""The tables of a Ghost export around its posts: users, tags, and who and what belongs to which post."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final

from cms.importers.bounds import Kept, shortened
from cms.importers.cleaning import is_visible
from cms.importers.items import Change, Item, Remark, Skipped, TagItem, UserItem
from cms.importers.rows import Row
from cms.importers.sources import Entry

# Secrets and traces of the old site: neither stored nor repeated in a report.
_SECRET: Final = ("password", "last_seen", "last_login", "created_by", "updated_by", "uuid")
STORED_META: Final = ("meta_title", "meta_description")
LINK_BYTES: Final = 80
"""One link in the list of its post."""
OTHERS_MAX: Final = 1_000
ROLES_SHOWN: Final = 10
"""In the remark about a user."""
NOT_STORED: Final = "This column is not stored."


class Tables:
    """The part of an export that is kept in memory: everything except the posts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.kept = Kept(source)
        self.users: dict[str, UserItem] = {}
        self.tags: dict[str, TagItem] = {}
        self.internal_tags: dict[str, str] = {}
        self.meta_by_post: dict[str, dict[str, Any]] = {}
        self.site_key = ""
        self._remarks: list[Remark] = []
        self._fresh: list[Entry] = []
        self._links: dict[str, list[tuple[str, float, str]]] = {}
        self._targets: dict[str, str] = {}
        """One text for all links to the same tag or author."""
        self._roles: dict[str, str] = {}
        self._roles_of_users: defaultdict[str, list[str]] = defaultdict(list)
        self._others: Counter[str] = Counter()

    def take(self, name: str, row: Row) -> None:
        match name:
            case "users":
                self.add_user(row)
            case "tags":
                self.add_tag(row)
            case "posts_tags" | "posts_authors":
                self._take_link(name, row, "tag_id" if name == "posts_tags" else "author_id")
            case "posts_meta":
                post_id, meta = row.key("post_id"), _meta_of(row)
                self.kept.count(post_id, meta)
                self.meta_by_post.setdefault(post_id, meta)
            case "roles":
                role_id, role = row.key("id"), shortened(row.text("name"))
                self.kept.count(role_id, role)
                self._roles[role_id] = role
            case "roles_users":
                user_id, role_id = row.key("user_id"), row.key("role_id")
                self.kept.count(user_id, role_id)
                self._roles_of_users[user_id].append(role_id)
            case "settings":
                self._take_setting(row)
                self._count_other(name)
            case _:
                self._count_other(name)

    def note_lost(self, table: str, change: Change) -> None:
        """Note a row that is none; such remarks come before everything else."""
        self._remarks.append(self.kept.keep(Skipped(source=self.source, label=shortened(table), change=change)))

    def _count_other(self, table: str) -> None:
        name = shortened(table)
        self._others[name if name in self._others or len(self._others) < OTHERS_MAX else "(others)"] += 1

    def take_fresh(self) -> list[Entry]:
        """Return the users and tags that were added since the last time."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def take_linked(self, table: str, post_id: str) -> list[str]:
        """Return the ids of the post's tags or authors in their order; another post with its id gets none of them."""
        links = self._links.pop(post_id, [])
        if others := [link for link in links if link[0] != table]:
            self._links[post_id] = others
        return [target for *_, target in sorted((link for link in links if link[0] == table), key=itemgetter(1))]

    def settle_roles(self) -> None:
        """Name the roles of users, once every table has been read."""
        for user_id, role_ids in self._roles_of_users.items():
            roles = [shortened(self._roles.get(role_id, role_id)) for role_id in role_ids[:ROLES_SHOWN]]
            if (user := self.users.get(user_id)) is not None and roles != ["Author"]:
                reason = "Imported users are authors until an admin gives them another role."
                told = shortened(", ".join(roles))
                self.kept.count(told)
                user.note("role", told, user.role, reason)

    def entries(self) -> Iterator[Entry]:
        for name, count in self._others.items():
            change = Change("table", f"{count} rows", None, "This table is not imported.")
            yield Remark(source=self.source, label=f"table {name}", change=change)
        yield from self._remarks
        yield from self.take_fresh()

    def add_user(self, row: Row) -> str:
        """Return the key of a user, of the table or as given with a post."""
        name, slug, email = row.text("name"), row.text("slug"), row.text("email")
        key = row.key("id") or slug or email or name
        item = UserItem(
            source=self.source,
            line=row.line,
            external_id=key,
            username=slug or name or email.partition("@")[0],
            email=email,
            display_name=name,
            bio=row.text("bio"),
            created_at=row.instant("created_at"),
            updated_at=row.instant("updated_at"),
        )
        for secret in _SECRET:
            row.take(secret)
        status, visibility = row.text("status"), row.text("visibility")
        if visibility not in ("", "public"):
            row.note("visibility", visibility, None, NOT_STORED)
        if status not in ("", "active"):
            row.note("status", status, None, "Imported users can't sign in anyway.")
        self._keep(self.users, key, item, row)
        return key

    def add_tag(self, row: Row) -> str:
        name, slug = row.text("name"), row.text("slug")
        key = row.key("id") or slug or name
        item = TagItem(
            source=self.source,
            line=row.line,
            external_id=key,
            name=name,
            slug=slug,
            description=row.text("description"),
            created_at=row.instant("created_at"),
            updated_at=row.instant("updated_at"),
        )
        for secret in _SECRET:
            row.take(secret)
        if row.text("visibility") == "internal" or name.startswith("#"):
            self.kept.count(key, name)
            self.internal_tags[key] = name
            reason = "Internal tags are not imported: they would be public here."
            change = Change("name", name, None, reason, row.line)
            self._fresh.append(self.kept.keep(Skipped(source=self.source, label=item.label, change=change)))
        else:
            self._keep(self.tags, key, item, row)
        return key

    def _take_link(self, table: str, row: Row, target: str) -> None:
        order = row.take("sort_order")
        is_number = isinstance(order, int | float) and not isinstance(order, bool)
        post_id, target_id = row.key("post_id"), row.key(target)
        for text, known in ((post_id, self._links), (target_id, self._targets)):
            if text not in known:
                self.kept.count(text)
        self.kept.count(base=LINK_BYTES)
        link = (table, float(order) if is_number else 0.0, self._targets.setdefault(target_id, target_id))
        self._links.setdefault(post_id, []).append(link)

    def _take_setting(self, row: Row) -> None:
        """Take the hash that a database is born with, else the id of a row that every site has."""
        name, value, row_id = row.text("key"), row.take("value"), row.key("id")
        if name == "db_hash" and isinstance(value, str):
            self.site_key = value
        elif name == "title" and len(row_id) == 24 and not self.site_key:
            self.site_key = row_id

    def _keep[Kind: Item](self, known: dict[str, Kind], key: str, item: Kind, row: Row) -> None:
        item.changes = row.note_rest(NOT_STORED)
        if key in known or not is_visible(key):
            reason = "Another object with this id came before it." if key in known else "It has neither id nor name."
            change = Change("id", key, None, reason, item.line)
            self._fresh.append(self.kept.keep(Skipped(source=self.source, label=item.label, change=change)))
        else:
            known[key] = self.kept.keep(item)
            self._fresh.append(item)


def _meta_of(row: Row) -> dict[str, Any]:
    """Return the members with a value, without those of the row itself; those that are not stored shortened."""
    row.take("id")
    row.take("post_id")
    return {
        shortened(name): value if name in STORED_META and isinstance(value, str) else shortened(value)
        for name, value in row.members().items()
        if value not in (None, "")
    }
