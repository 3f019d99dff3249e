"""The comments of a WordPress export, parents before their answers."""

from collections.abc import Iterator, Mapping
from typing import Final

from cms.choices import CommentStatus
from cms.importers.bounds import first_comments
from cms.importers.cleaning import is_visible, plain_text_of
from cms.importers.items import Change, CommentItem, PostItem, Skipped
from cms.importers.threads import in_thread_order
from cms.importers.wxr_posts import read_instant
from cms.importers.wxr_xml import Node

_STATES: Final = {
    "1": CommentStatus.PUBLISHED,
    "approve": CommentStatus.PUBLISHED,
    "0": CommentStatus.PENDING,
    "hold": CommentStatus.PENDING,
    "spam": CommentStatus.SPAM,
}
_LOST: Final = ("wp:comment_author_url", "wp:comment_author_IP", "wp:commentmeta")


def read_comments(
    node: Node, post: PostItem, logins_by_id: Mapping[str, str], logins_by_email: Mapping[str, str]
) -> Iterator[CommentItem | Skipped]:
    nodes, lost = first_comments([child for child in node.children if child.name == "wp:comment"])
    if lost:
        yield Skipped(source=post.source, label=post.label, change=Change("comments", None, None, lost, post.line))
    items: dict[str, CommentItem] = {}
    for number, comment in enumerate(nodes):
        item = _read_comment(comment, post, fallback_id=f"{post.external_id}#{number}")
        item.author = _author(comment, logins_by_id, logins_by_email)
        if item.external_id in items:
            change = Change("id", item.external_id, None, "Another comment with this id came before it.", item.line)
            yield Skipped(source=item.source, label=item.label, change=change)
        else:
            items[item.external_id] = item
    for item in in_thread_order(items, "The comment that it answers is not there."):
        if is_visible(item.text):
            yield item
        else:
            change = Change("text", item.text, None, "A comment without text is not imported.", item.line)
            yield Skipped(source=item.source, label=item.label, change=change)


def _read_comment(node: Node, post: PostItem, fallback_id: str) -> CommentItem:
    raw_name = node.text_of("wp:comment_author")
    text = node.child("wp:comment_content")
    parent = node.text_of("wp:comment_parent")
    item = CommentItem(
        source=post.source,
        line=node.line,
        external_id=node.text_of("wp:comment_id") or fallback_id,
        post=post.external_id,
        text=text.text if text else "",
        parent=parent if parent not in ("", "0") else None,
        author_name=plain_text_of(raw_name),
        author_email=node.text_of("wp:comment_author_email"),
    )
    if item.author_name != raw_name:
        item.note("author_name", raw_name, item.author_name, "Names are plain text.")
    item.created_at = read_instant(item, node, "wp:comment_date_gmt", "wp:comment_date")
    _read_state(node, item)
    _note_lost(node, item)
    return item


def _author(node: Node, logins_by_id: Mapping[str, str], logins_by_email: Mapping[str, str]) -> str | None:
    """Return the login of a comment by a signed-in author; an e-mail address alone proves nothing."""
    user_id = node.text_of("wp:comment_user_id")
    if user_id in ("", "0"):
        return None
    return logins_by_id.get(user_id) or logins_by_email.get(node.text_of("wp:comment_author_email").lower())


def _read_state(node: Node, item: CommentItem) -> None:
    approved = node.text_of("wp:comment_approved")
    item.status = _STATES.get(approved, CommentStatus.REJECTED)
    if approved not in _STATES:
        item.note("status", approved, item.status, "This state is not known here.")


def _note_lost(node: Node, item: CommentItem) -> None:
    comment_type = node.text_of("wp:comment_type")
    if comment_type not in ("", "comment"):
        item.note("type", comment_type, "comment", "Comments of all types are imported as comments.")
    for name in _LOST:
        for child in node.children:
            if child.name != name:
                continue
            original = child.text.strip() or {grandchild.name: grandchild.text for grandchild in child.children}
            if original:
                item.note(name, original, None, "This element is not stored.", child.line)
