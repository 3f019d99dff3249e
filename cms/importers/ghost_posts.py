"""The posts and pages of a Ghost export."""

from collections.abc import Iterator
from typing import Any, Final

from cms.choices import ContentFormat, Kind, Status, Visibility
from cms.importers.cleaning import is_visible
from cms.importers.ghost_mobiledoc import content_of_mobiledoc
from cms.importers.ghost_tables import NOT_STORED, STORED_META, Tables
from cms.importers.items import Item, PostItem
from cms.importers.rows import Row
from cms.importers.sources import Entry
from cms.text.slugs import slug_problem

_STATES: Final = {
    "published": Status.PUBLISHED,
    "scheduled": Status.PUBLISHED,
    "sent": Status.PUBLISHED,
    "draft": Status.DRAFT,
}
# The values that mean nothing, and so need not be reported as lost.
_DEFAULTS: Final[dict[str, tuple[Any, ...]]] = {
    "featured": (False, 0, "0"),
    "email_recipient_filter": ("none", "all"),
    "show_title_and_feature_image": (True, 1, "1"),
    "amp": ("",),
}
_BOOKKEEPING: Final = ("uuid", "comment_id", "created_by", "updated_by", "published_by")
_KINDS: Final = frozenset(("", *Kind.values))
_SITE: Final = "__GHOST_URL__"


def read_post(row: Row, source: str, tables: Tables) -> Iterator[Entry]:
    """Yield the post, and before it the users and tags that appear only in it."""
    slug, title = row.text("slug"), row.text("title")
    key = row.key("id") or slug or row.text("uuid") or f"line {row.line}"
    meta = dict(tables.meta_by_post.get(key, {}))
    post = PostItem(
        source=source,
        line=row.line,
        external_id=key,
        title=title,
        slug=slug,
        content="",
        content_format=ContentFormat.HTML,
        kind=_kind(row),
        excerpt=row.text("custom_excerpt"),
        language=row.text("locale") or row.text("language"),
        created_at=row.instant("created_at"),
        updated_at=row.instant("updated_at"),
    )
    _read_content(row, post)
    _read_state(row, post, meta)
    _read_meta(row, post, meta)
    _read_authors(row, post, tables)
    _read_tags(row, post, tables)
    for entry in tables.take_fresh():
        if isinstance(entry, Item):
            entry.is_met_at_post = True
        yield entry
    _note_lost(row, post)
    yield post


def _kind(row: Row) -> Kind:
    kind, is_page = row.text("type"), row.truth("page", default=False)
    if kind not in _KINDS:
        row.note("type", kind, Kind.POST, "This is neither post nor page.")
    return Kind.PAGE if is_page or kind == "page" else Kind.POST


def _read_content(row: Row, post: PostItem) -> None:
    """Read the post's HTML; without it, read as much as possible of the editor's own form."""
    html, markdown = row.text("html"), row.text("markdown")
    mobiledoc, lexical = row.take("mobiledoc"), row.take("lexical")
    row.take("plaintext")  # made of the HTML
    if is_visible(html):
        post.content = html
    elif is_visible(markdown):  # Ghost 0.x
        post.content, post.content_format = markdown, ContentFormat.MARKDOWN
    elif isinstance(mobiledoc, str) and (found := content_of_mobiledoc(mobiledoc)) is not None:
        post.content, post.content_format = found
        row.note("html", None, "mobiledoc", "The export has no HTML of it; the text was taken from its mobiledoc.")
    elif mobiledoc or lexical:
        name = "mobiledoc" if mobiledoc else "lexical"
        row.note(
            name, mobiledoc or lexical, None, "The export has no HTML of it, and this can't be read without Ghost."
        )
    if _SITE in post.content:
        row.note("content", _SITE, _SITE, "It stands for the address of the old site and was left as it is.")


def _read_state(row: Row, post: PostItem, meta: dict[str, Any]) -> None:
    """Read the state of a post; one that can't be understood shows nothing to anyone."""
    status, published_at = row.text("status"), row.instant("published_at")
    post.status = _STATES.get(status, Status.DRAFT)
    if status not in _STATES:
        row.note("status", status, Status.DRAFT, "This state is not known here.")
    post.is_scheduled = status == "scheduled"
    if post.status == Status.PUBLISHED:
        post.published_at = published_at or (None if post.is_scheduled else post.created_at or post.updated_at)
    _read_visibility(row, post, status == "sent" or meta.pop("email_only", None) in (True, 1, "1"))


def _read_visibility(row: Row, post: PostItem, is_mail_only: bool) -> None:
    value = row.take("visibility") if "visibility" in row.members() else Visibility.PUBLIC
    if value != Visibility.PUBLIC:
        post.visibility = Visibility.PRIVATE
        reason = "Only some readers may see it there; here only its authors and editors do."
        row.note("visibility", value, Visibility.PRIVATE, reason)
    if is_mail_only:
        post.visibility = Visibility.PRIVATE
        reason = "It was sent by mail only and stood on no page; here only its authors and editors see it."
        row.note("status", "sent", Visibility.PRIVATE, reason)


def _read_meta(row: Row, post: PostItem, meta: dict[str, Any]) -> None:
    """Read the metadata of the post itself, as Ghost 1 and 2 have it, or of its row in a table of its own."""
    for name in STORED_META:
        text = row.text(name)
        other = meta.pop(name, "")
        setattr(post, name, text or (other if isinstance(other, str) else ""))
        if other and not isinstance(other, str):
            row.note(name, other, None, "This is not text.")
    for name, value in meta.items():
        row.note(name, value, None, NOT_STORED)
    if post.status == Status.PUBLISHED and not slug_problem(post.slug):
        post.old_paths.append(f"/{post.slug}/")


def _read_authors(row: Row, post: PostItem, tables: Tables) -> None:
    keys = tables.take_linked("posts_authors", post.external_id)
    keys += _nested_keys(row, "authors", tables) + _nested_keys(row, "author", tables)
    author_id = row.key("author_id")
    keys = list(dict.fromkeys(keys or [author_id]))
    known = [key for key in keys if key in tables.users]
    for key in keys:
        if key and key not in tables.users:
            row.note("author", key, None, "No user with this id is in the export.")
    if known:
        post.author, post.co_authors = known[0], known[1:]


def _read_tags(row: Row, post: PostItem, tables: Tables) -> None:
    keys = tables.take_linked("posts_tags", post.external_id) + _nested_keys(row, "tags", tables)
    for key in dict.fromkeys(keys):
        if key in tables.tags:
            post.tags.append(key)
        elif key in tables.internal_tags:
            row.note("tags", tables.internal_tags[key], None, "Internal tags are not imported.")
        else:
            row.note("tags", key, None, "No tag with this id is in the export.")


def _nested_keys(row: Row, name: str, tables: Tables) -> list[str]:
    """Read users or tags in the post itself, as Ghost's API gives them and other programs write them."""
    value = row.take(name)
    keys: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, str | int) and not isinstance(entry, bool):
            keys.append(str(entry))
        elif isinstance(entry, dict):
            keys.append(_key_of(Row(entry, row.line), name, tables))
        elif entry is not None:
            row.note(name, entry, None, "This is neither an id nor an object.")
    return [key for key in keys if key]


def _key_of(nested: Row, name: str, tables: Tables) -> str:
    members = nested.members()
    known = (tables.tags, tables.internal_tags) if name == "tags" else (tables.users,)
    for member in ("id", "slug", "email", "name"):
        if any(str(members.get(member) or "") in table for table in known):
            return str(members[member])
    return tables.add_tag(nested) if name == "tags" else tables.add_user(nested)


def _note_lost(row: Row, post: PostItem) -> None:
    bookkeeping = {name: value for name in _BOOKKEEPING if (value := row.take(name)) is not None}
    if bookkeeping:
        row.note("bookkeeping", bookkeeping, None, "Who did what on the old site is not stored.")
    for name, defaults in _DEFAULTS.items():
        if name in row.members() and row.members()[name] in defaults:
            row.take(name)
    post.changes = row.note_rest(NOT_STORED)
