"""Checks of posts: states, versions, addresses, and texts that are derived from others."""

import datetime
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Concat

from cms.choices import Status, Visibility
from cms.integrity.findings import Check, Finding, found, one_by_one
from cms.integrity.mending import mend_post
from cms.models import Post, Redirect, SearchDocument
from cms.querysets.posts import POSTS_PREFIX
from cms.querysets.walking import walk_one_by_one
from cms.search.documents import COLUMNS, document_of, index_posts
from cms.text.rendering import derive_excerpt, plain_text, reading_time_min, render_html

REMEMBERED = (Status.DRAFT, Status.PUBLISHED, Status.ARCHIVED)

IS_TRASH_WRONG = Q(status=Status.TRASHED) & ~Q(status_before_trash__in=REMEMBERED) | (
    ~Q(status=Status.TRASHED) & ~Q(status_before_trash="")
)
STATES = (
    (~Q(status__in=Status.values), "has a status that does not exist"),
    (~Q(visibility__in=Visibility.values), "has a visibility that does not exist"),
    (IS_TRASH_WRONG, "has a wrong record of its state before the trash"),
    (Q(status=Status.PUBLISHED, published_at=None), "is published without a time"),
    (Q(expires_at__lte=F("published_at")), "expires before it is published"),
    (~Q(status=Status.PUBLISHED) & Q(settles_at__isnull=False), "waits for a time although it is not published"),
)


def find_states(now: datetime.datetime) -> Iterator[Finding]:
    for condition, text in STATES:
        yield from found("post", Post.objects.filter(condition).order_by("pk").values_list("pk", flat=True), text)


def mend_state(finding: Finding, now: datetime.datetime) -> bool:
    return mend_post(finding.object_id, "post_states", now, _set_possible_state)


def _set_possible_state(post: Post) -> None:
    """Set the nearest state in which nobody reads what was hidden until now."""
    if post.status not in Status.values:
        post.status = Status.DRAFT
    if post.visibility not in Visibility.values:
        post.visibility = Visibility.PRIVATE
    if post.status != Status.TRASHED:
        post.status_before_trash = ""
    elif post.status_before_trash not in REMEMBERED:
        post.status_before_trash = Status.DRAFT
    if post.expires_at and post.published_at and post.expires_at <= post.published_at:
        post.published_at = None
    if post.published_at is None:
        post.status = Status.DRAFT if post.status == Status.PUBLISHED else post.status
        if post.status_before_trash == Status.PUBLISHED:
            post.status_before_trash = Status.DRAFT
    if post.status != Status.PUBLISHED:
        post.settles_at = None


def find_versions(now: datetime.datetime) -> Iterator[Finding]:
    """Find versions that are too low: each change of content raised the version, which began with 1."""
    rows = Post.objects.annotate(changes=Count("revisions", filter=Q(revisions__is_draft=False)))
    ids = rows.filter(Q(version__lt=1) | Q(version__lt=F("changes"))).order_by("pk").values_list("pk", flat=True)
    return found("post", ids, "has a version lower than the number of its changes")


def mend_version(finding: Finding, now: datetime.datetime) -> bool:
    def raise_version(post: Post) -> None:
        post.version = max(post.version, post.revisions.filter(is_draft=False).count(), 1)

    return mend_post(finding.object_id, "post_versions", now, raise_version)


def find_shadowing_redirects(now: datetime.datetime) -> Iterator[Finding]:
    """A redirect from the address that its own post has: one to another post waits until no public post is there."""
    slugs = Redirect.objects.filter(old_path=Concat(Value(POSTS_PREFIX), F("post__slug"))).order_by("pk")
    return found("redirect", slugs.values_list("pk", flat=True), "leads from the address of a post to the same post")


def drop_redirect(finding: Finding, now: datetime.datetime) -> bool:
    return bool(Redirect.objects.filter(pk=finding.object_id).delete()[0])


def _fresh(post: Post) -> dict[str, Any]:
    html = render_html(post.content, post.content_format)
    text = plain_text(html)
    excerpt = derive_excerpt(text) if post.is_excerpt_derived else post.excerpt
    return {"content_html": html, "excerpt": excerpt, "reading_time_min": reading_time_min(text)}


def find_stale_texts(now: datetime.datetime) -> Iterator[Finding]:
    for post in walk_one_by_one(Post.objects.all()):
        stale = [name for name, value in _fresh(post).items() if getattr(post, name) != value]
        if stale:
            yield Finding("post", post.pk, f"has a stale {' and '.join(stale)}")


def mend_texts(finding: Finding, now: datetime.datetime) -> bool:
    def render_again(post: Post) -> None:
        for name, value in _fresh(post).items():
            setattr(post, name, value)

    return mend_post(finding.object_id, "derived_texts", now, render_again)


def find_unindexed(now: datetime.datetime) -> Iterator[Finding]:
    documents = SearchDocument.objects.filter(post_id=OuterRef("pk"))
    ids = Post.objects.filter(~Exists(documents)).order_by("pk").values_list("pk", flat=True)
    return found("post", ids, "is not in the search index")


def find_stale_documents(now: datetime.datetime) -> Iterator[Finding]:
    # Columns of the post, and no related object: the two would refer to each other, and stay until garbage collection.
    stored = {f"stored_{name}": F(f"search_document__{name}") for name in COLUMNS}
    for post in walk_one_by_one(Post.objects.filter(search_document__isnull=False).annotate(**stored)):
        fresh = document_of(post)
        if any(getattr(post, f"stored_{name}") != fresh[name] for name in COLUMNS):
            yield Finding("post", post.pk, "is in the search index with outdated words")


def index_again(finding: Finding, now: datetime.datetime) -> bool:
    post = Post.objects.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if post is not None:
        index_posts([post])
    return post is not None


CHECKS = (
    Check("post_states", "Every post is in a state that exists.", find_states, one_by_one(mend_state)),
    Check("post_versions", "A post's version grows with every change.", find_versions, one_by_one(mend_version)),
    Check(
        "redirect_shadows",
        "No redirect leads from a post's own address to the post.",
        find_shadowing_redirects,
        one_by_one(drop_redirect),
    ),
    Check(
        "derived_texts",
        "HTML, excerpt and reading time are those of the content.",
        find_stale_texts,
        one_by_one(mend_texts),
        is_deep=True,
    ),
    Check("search_documents", "Every post is in the search index.", find_unindexed, one_by_one(index_again)),
    Check(
        "search_texts",
        "The search index holds the words of every post.",
        find_stale_documents,
        one_by_one(index_again),
        is_deep=True,
    ),
)
