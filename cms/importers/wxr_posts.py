"""The posts and pages of a WordPress export."""

import datetime
from typing import Final
from urllib.parse import unquote

from cms.choices import ContentFormat, Kind, Status, Visibility
from cms.importers.addresses import old_path_of
from cms.importers.cleaning import plain_text_of
from cms.importers.dates import UnreadableDate, parse_instant
from cms.importers.items import Change, Item, PostItem, Skipped
from cms.importers.wxr_xml import Node

POST_TYPES: Final = {"post": Kind.POST, "page": Kind.PAGE}
_STATES: Final = {
    "publish": Status.PUBLISHED,
    "future": Status.PUBLISHED,
    "private": Status.PUBLISHED,
    "draft": Status.DRAFT,
    "trash": Status.TRASHED,
}
_READ: Final = frozenset(
    {"title", "link", "pubDate", "dc:creator", "content:encoded", "excerpt:encoded", "category"}
    | {"wp:post_id", "wp:post_date", "wp:post_date_gmt", "wp:post_modified", "wp:post_modified_gmt", "wp:post_name"}
    | {"wp:status", "wp:post_type", "wp:post_password", "wp:comment", "wp:postmeta"}
)
# The values that mean nothing, and so need not be reported as lost.
_DEFAULTS: Final = {
    "wp:post_parent": "0",
    "wp:menu_order": "0",
    "wp:is_sticky": "0",
    "wp:comment_status": "open",
    "wp:ping_status": "open",
}
_PLACES: Final = {
    "title": "title",
    "slug": "wp:post_name",
    "content": "content:encoded",
    "excerpt": "excerpt:encoded",
    "author": "dc:creator",
    "old_path": "link",
    "tags": "category",
    "categories": "category",
}
_NO_DATE: Final = "0000-00-00"


def read_post(node: Node, path: str, language: str) -> PostItem:
    """Return the post without its author and terms."""
    link = node.text_of("link")
    title, content = _raw_text(node, "title"), _raw_text(node, "content:encoded")
    post = PostItem(
        source=path,
        line=node.line,
        external_id=node.text_of("wp:post_id") or node.text_of("guid") or link or f"line {node.line}",
        title=plain_text_of(title),
        content=content,
        content_format=ContentFormat.HTML,
        kind=POST_TYPES[node.text_of("wp:post_type")],
        slug=unquote(node.text_of("wp:post_name")),
        excerpt=_raw_text(node, "excerpt:encoded"),
        language=language,
        lines={field: child.line for field, name in _PLACES.items() if (child := node.child(name)) is not None},
    )
    if post.title != title:
        post.note("title", title, post.title, "Titles are plain text.")
    if post.slug != node.text_of("wp:post_name"):
        post.note("slug", node.text_of("wp:post_name"), post.slug, "Slugs are stored as the letters they stand for.")
    if old_path := old_path_of(link):
        post.old_paths.append(old_path)
    _read_state(node, post)
    _read_instants(node, post)
    _note_lost(node, post, link)
    return post


def skipped_item(node: Node, path: str) -> Skipped:
    """An attachment, a menu item or something else that is neither post nor page."""
    post_type = node.text_of("wp:post_type") or "item"
    original = node.text_of("wp:attachment_url") or node.text_of("link") or node.text_of("title")
    reason = "Media files are not imported." if post_type == "attachment" else "Items of this type are not imported."
    change = Change("item", original, None, reason, node.line)
    return Skipped(source=path, label=f"{post_type} {node.text_of('wp:post_id')}".strip(), change=change)


def read_instant(item: Item, node: Node, gmt: str, local: str) -> datetime.datetime | None:
    """Return the instant of the GMT element, else of the one in the site's own time, whose zone no export gives."""
    for name in (gmt, local):
        text = node.text_of(name)
        if not text or text.startswith(_NO_DATE):
            continue
        try:
            instant = parse_instant(text)
        except UnreadableDate as error:
            item.note(name, text, None, str(error), _line_of(node, name))
            continue
        if name == local:
            item.note(name, text, instant.isoformat(), "Its time zone is not known; it was read as UTC.")
        return instant
    return None


def _read_state(node: Node, post: PostItem) -> None:
    status = node.text_of("wp:status")
    post.status = _STATES.get(status, Status.DRAFT)
    if status not in _STATES:
        post.note("status", status, Status.DRAFT, "This state is not known here.", _line_of(node, "wp:status"))
    post.is_scheduled = status == "future"
    if status == "private":
        post.visibility = Visibility.PRIVATE
    if status == "trash":
        meta = {key: value for key, value, _ in _metadata(node)}
        post.was_published = meta.get("_wp_trash_meta_status") in ("publish", "future", "private")
    if node.text_of("wp:post_password"):
        post.visibility = Visibility.PRIVATE
        reason = "Posts with a password are not supported; only its authors and editors see it now."
        post.note("visibility", "password-protected", Visibility.PRIVATE, reason, _line_of(node, "wp:post_password"))


def _read_instants(node: Node, post: PostItem) -> None:
    notes_before = len(post.changes)
    instant = read_instant(post, node, "wp:post_date_gmt", "wp:post_date")
    is_future = node.text_of("wp:status") == "future"
    # A scheduled post whose own date can't be read must not go by the feed's date, which may be past.
    post.has_unusable_date = instant is None and (is_future or len(post.changes) > notes_before)
    if instant is None and (published := node.text_of("pubDate")):
        try:
            instant = parse_instant(published)
        except UnreadableDate as error:
            post.note("pubDate", published, None, str(error), _line_of(node, "pubDate"))
    post.created_at = instant
    if post.status == Status.PUBLISHED or post.was_published:
        post.published_at = instant
    post.updated_at = read_instant(post, node, "wp:post_modified_gmt", "wp:post_modified")


def _note_lost(node: Node, post: PostItem, link: str) -> None:
    for child in node.children:
        text = child.text.strip()
        if child.name in _READ or not text or text == _DEFAULTS.get(child.name):
            continue
        if child.name == "guid" and text == link:
            continue
        post.note(child.name, text, None, "This element is not stored.", child.line)
    if metadata := _metadata(node):
        originals = [{"key": key, "value": value} for key, value, _ in metadata]
        post.note("wp:postmeta", originals, None, "Metadata of posts is not stored.", metadata[0][2])


def _metadata(node: Node) -> list[tuple[str, str, int]]:
    """Return key, value and line of each wp:postmeta."""
    entries = (child for child in node.children if child.name == "wp:postmeta")
    return [(entry.text_of("wp:meta_key"), _raw_text(entry, "wp:meta_value"), entry.line) for entry in entries]


def _raw_text(node: Node, name: str) -> str:
    child = node.child(name)
    return child.text if child else ""


def _line_of(node: Node, name: str) -> int | None:
    child = node.child(name)
    return child.line if child else None
