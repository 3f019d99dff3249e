"""The tables of a Ghost export around its posts: users, tags, and who and what belongs to which post."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from cms.importers.bounds import Kept
from cms.importers.cleaning import is_visible
from cms.importers.items import Change, Item, Remark, Skipped, TagItem, UserItem
from cms.importers.rows import Row
from cms.importers.sources import Entry

# Secrets and traces of the old site: neither stored nor repeated in a report.
_SECRET: Final = ("password", "last_seen", "last_login", "created_by", "updated_by", "uuid")
TABLES: Final = ("users", "tags", "posts_meta", "roles", "roles_users")
OTHERS_MAX: Final = 1_000
NOT_STORED: Final = "This column is not stored."


class Tables:
    """The part of an export that is kept in memory: everything except the posts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.kept = Kept(source)
        self.users: dict[str, UserItem] = {}
        self.tags: dict[str, TagItem] = {}
        self.internal_tags: dict[str, str] = {}
        self.tag_ids_by_post: dict[str, list[str]] = {}
        self.author_ids_by_post: dict[str, list[str]] = {}
        self.meta_by_post: dict[str, dict[str, Any]] = {}
        self.remarks: list[Remark] = []
        """About values that could not be used; they come before everything else."""
        self.site_key = ""
        self._fresh: list[Entry] = []
        self._declared: list[Entry] = []
        self._links: dict[str, defaultdict[str, list[tuple[float, int, str]]]] = {
            "posts_tags": defaultdict(list),
            "posts_authors": defaultdict(list),
        }
        self._roles: dict[str, str] = {}
        self._roles_of_users: defaultdict[str, list[str]] = defaultdict(list)
        self._others: Counter[str] = Counter()

    def take(self, name: str, row: Row, characters: int) -> None:
        """Take a row that is written in so many characters."""
        if name in self._links:
            self.kept.add_link(characters)
        elif name in TABLES:
            self.kept.add(characters)
        match name:
            case "users":
                self.add_user(row)
            case "tags":
                self.add_tag(row)
            case "posts_tags" | "posts_authors":
                self._take_link(name, row, "tag_id" if name == "posts_tags" else "author_id")
            case "posts_meta":
                self.meta_by_post.setdefault(row.key("post_id"), _meta_of(row))
            case "roles":
                self._roles[row.key("id")] = row.text("name")
            case "roles_users":
                self._roles_of_users[row.key("user_id")].append(row.key("role_id"))
            case "settings":
                self._take_setting(row)
                self._count_other(name)
            case _:
                self._count_other(name)

    def _count_other(self, name: str) -> None:
        self._others[name if name in self._others or len(self._others) < OTHERS_MAX else "(others)"] += 1

    def take_fresh(self) -> list[Entry]:
        """Return the users and tags that were added since the last time."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def settle(self) -> None:
        """Settle links in their order and roles by name, once every table has been read."""
        by_post = {
            table: {post: [target for *_, target in sorted(found)] for post, found in links.items()}
            for table, links in self._links.items()
        }
        self.tag_ids_by_post, self.author_ids_by_post = by_post["posts_tags"], by_post["posts_authors"]
        for user_id, role_ids in self._roles_of_users.items():
            roles = [self._roles.get(role_id, role_id) for role_id in role_ids]
            if (user := self.users.get(user_id)) is not None and roles != ["Author"]:
                reason = "Imported users are authors until an admin gives them another role."
                user.note("role", ", ".join(roles), user.role, reason)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of the tables. Forget those added by posts, because the posts will be read again."""
        self._forget_added()
        for name, count in self._others.items():
            change = Change("table", f"{count} rows", None, "This table is not imported.")
            yield Remark(source=self.source, label=f"table {name}", change=change)
        yield from self.remarks
        yield from self._declared

    def _forget_added(self) -> None:
        if not self._declared:
            self._declared = self.take_fresh()
        self._fresh.clear()
        declared = {id(entry) for entry in self._declared}
        self.users = {key: user for key, user in self.users.items() if id(user) in declared}
        self.tags = {key: tag for key, tag in self.tags.items() if id(tag) in declared}

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
            self.internal_tags[key] = name
            reason = "Internal tags are not imported: they would be public here."
            change = Change("name", name, None, reason, row.line)
            self._fresh.append(Skipped(source=self.source, label=item.label, change=change))
        else:
            self._keep(self.tags, key, item, row)
        return key

    def _take_link(self, table: str, row: Row, target: str) -> None:
        order = row.take("sort_order")
        is_number = isinstance(order, int | float) and not isinstance(order, bool)
        links = self._links[table][row.key("post_id")]
        links.append((float(order) if is_number else 0.0, len(links), row.key(target)))

    def _take_setting(self, row: Row) -> None:
        """Take the hash that a database is born with, else the id of a row that every site has."""
        name, value, row_id = row.text("key"), row.take("value"), row.key("id")
        if name == "db_hash" and isinstance(value, str):
            self.site_key = value
        elif name == "title" and len(row_id) == 24 and not self.site_key:
            self.site_key = row_id

    def _keep[Kept: Item](self, known: dict[str, Kept], key: str, item: Kept, row: Row) -> None:
        item.changes = row.note_rest(NOT_STORED)
        if key in known or not is_visible(key):
            reason = "Another object with this id came before it." if key in known else "It has neither id nor name."
            change = Change("id", key, None, reason, item.line)
            self._fresh.append(Skipped(source=self.source, label=item.label, change=change))
        else:
            known[key] = item
            self._fresh.append(item)


def _meta_of(row: Row) -> dict[str, Any]:
    """Return the members with a value, without those of the row itself."""
    row.take("id")
    row.take("post_id")
    return {name: value for name, value in row.members().items() if value not in (None, "")}
