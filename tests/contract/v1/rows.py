"""The rows of the database that stories watch: what a request has changed in them, and how they become as before.

Chosen columns, so that a new column of the domain doesn't touch v1's golden files; all that only v2 knows are among them.
Logins in the audit trail are the domain's too: `tests/versions/test_sign_in_events.py` watches these.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql


def _instant(name: str) -> str:
    return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS {name}"""


WATCHED: Final = {
    "cms_user": "SELECT id AS key, username, email, first_name, last_name, display_name, bio, role, is_active,"
    " email_verified, split_part(password, '$', 1) AS hashed_by, deleted_at IS NOT NULL AS is_deleted,"
    f" {_instant('last_login')} FROM cms_user",
    "cms_authsession": "SELECT id AS key, user_id, generation, revoked_at IS NOT NULL AS is_revoked FROM cms_authsession",
    "cms_apikey": "SELECT id AS key, owner_id, name, scopes, contact_email, is_active,"
    f" {_instant('expires_at')}, {_instant('last_used_at')} FROM cms_apikey",
    "cms_tag": "SELECT id AS key, name, slug, description, usage_count FROM cms_tag",
    "cms_category": "SELECT id AS key, name, slug, parent_id, is_active, post_count FROM cms_category",
    "cms_post": "SELECT id AS key, kind, title, slug, content, content_format, excerpt, language, status,"
    " status_before_trash, visibility, author_id, featured_image_id, meta_title, meta_description,"
    f" {_instant('published_at')}, {_instant('expires_at')}, version, is_counted FROM cms_post",
    "cms_post_tags": "SELECT post_id || ' ' || name AS key FROM cms_post_tags JOIN cms_tag t ON t.id = tag_id",
    "cms_post_categories": "SELECT post_id || ' ' || name AS key FROM cms_post_categories"
    " JOIN cms_category c ON c.id = category_id",
    "cms_post_co_authors": "SELECT post_id || ' ' || username AS key FROM cms_post_co_authors"
    " JOIN cms_user u ON u.id = user_id",
    "cms_postrevision": "SELECT id AS key, post_id, number, is_draft, reason FROM cms_postrevision",
    "cms_redirect": "SELECT old_path AS key, post_id FROM cms_redirect",
    "cms_comment": "SELECT id AS key, post_id, author_id, text, status FROM cms_comment",
    "cms_auditevent": "SELECT id AS key, action, actor_id, object_type, object_id, api_version FROM cms_auditevent"
    " WHERE action NOT LIKE 'auth.%'",
}
_ALL: Final = " UNION ALL ".join(
    f"SELECT '{table}', key::text, to_jsonb(r) - 'key' FROM ({query}) r" for table, query in WATCHED.items()
)

type Rows = dict[tuple[str, str], dict[str, Any]]
"""What a row holds, by its table and its key."""


class Kept(NamedTuple):
    """A table that has a copy, with the columns that can be written."""

    name: str
    columns: sql.Composable


class Watch:
    """Ids grow with time, so rows of one table stand in the order in which they were written."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._kept = list(self._keep())
        self.rows = self._read()
        self.is_changed = False

    def changes(self) -> list[str]:
        """What has changed since this was asked last, a line a row: `+` new, `-` gone, `~` other than before."""
        before, self.rows = self.rows, self._read()
        touched = {key for key in before.keys() | self.rows.keys() if before.get(key) != self.rows.get(key)}
        order = list(WATCHED)
        self.is_changed |= bool(touched)
        keys = sorted(touched, key=lambda key: (order.index(key[0]), key[1]))
        return [_line(key, before.get(key), self.rows.get(key)) for key in keys]

    def restore(self) -> None:
        """Foreign keys are checked at the end of a transaction, so that the tables' order doesn't matter."""
        with self._connection.transaction():
            for kept in self._kept:
                self._connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(kept.name)))
            for name, columns in self._kept:
                copied = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM kept.{0}")
                self._connection.execute(copied.format(sql.Identifier(name), columns))
        self.rows, self.is_changed = self._read(), False

    def _read(self) -> Rows:
        return {(table, key): row for table, key, row in self._connection.execute(_ALL)}

    def _keep(self) -> Iterator[Kept]:
        self._connection.execute("CREATE SCHEMA kept")
        found = self._connection.execute(
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND is_generated = 'NEVER' AND t.table_type = 'BASE TABLE'"
            " AND (table_name LIKE 'cms!_%' ESCAPE '!' OR table_name LIKE 'canary!_%' ESCAPE '!') GROUP BY table_name"
        )
        for table, columns in found.fetchall():
            copy = sql.SQL("CREATE TABLE kept.{0} AS TABLE public.{0}").format(sql.Identifier(table))
            self._connection.execute(copy)
            yield Kept(table, sql.SQL(", ").join(map(sql.Identifier, columns)))


def _line(key: tuple[str, str], before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    name = " ".join(key)
    if before is None:
        return f"+ {name} {_json(after)}".removesuffix(" {}")
    if after is None:
        return f"- {name}"
    changed = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
    return f"~ {name} {_json(changed)}"


def _json(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False)
