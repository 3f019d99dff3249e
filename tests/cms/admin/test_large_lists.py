"""Lists of a site with 100,000 posts: each page takes at most 300 ms of SQL and rendering."""

import datetime
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone

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

POSTS = 100_000
FEW = 1_000
"""Of what people make by hand."""
LIMIT_MS = 300
TRIES = 20
"""Of which the best counts: a machine may be busy with something else."""
QUERIES = ["", "state=draft", "state=published", "mine=1", "language=en", "kind=all", "q=letter", "q=lett", "p=200"]
OTHER_QUERIES = {
    "comment": ["", "status__exact=all", "q=ink", "status__exact=all&q=ink", "q=nowhere", "status__exact=all&p=200"],
    "mediafile": ["", "kind=image", "kind=document", "alt=missing", "alt=given", "q=harbour", "q=nowhere", "p=200"],
    "user": ["", "role__exact=author", "role__exact=admin", "q=mia", "q=nowhere", "p=200"],
    "tag": ["", "q=paper", "q=nowhere", "p=200"],
    "category": ["", "q=attic", "is_active__exact=1"],
    "auditevent": ["", "deed=content", "deed=keys", "object_type=post", "q=post.", "q=chief", "q=nowhere", "p=200"],
    "postrevision": ["", "is_draft__exact=1", "is_draft__exact=0", "q=letters", "q=nowhere", "p=200"],
    "redirect": ["", "q=old", "q=nowhere", "p=200"],
    "importrecord": ["", "q=wxr", "q=nowhere", "p=200"],
    "delivery": ["", "status__exact=pending", "status__exact=dead", "q=post.", "p=200"],
    "apikey": ["", "is_active__exact=1", "q=robot", "q=nowhere", "p=200"],
    "webhook": ["", "is_active__exact=1", "q=example"],
    "invitation": ["", "role__exact=author", "q=example"],
    "transfer": ["", "kind__exact=import", "state__exact=done"],
}
COPY = """
INSERT INTO {table} ({columns}) SELECT {values} FROM {table} p, generate_series(1, %s) n WHERE p.id = %s
"""
COPY_FOR_POSTS = """
INSERT INTO {table} ({columns}) SELECT {values}
FROM {table} p, (SELECT id, row_number() OVER () AS n FROM cms_post LIMIT %s) AS other(post_id, n) WHERE p.id = %s
"""
COPY_DOCUMENT = """
INSERT INTO cms_searchdocument (post_id, suggestion, title, excerpt, content)
SELECT p.id, d.suggestion, d.title, d.excerpt, d.content FROM cms_post p, cms_searchdocument d
WHERE d.post_id = %s AND p.slug LIKE %s
"""
CHANGED = {"id": "gen_random_uuid()", "created_at": "p.created_at - n * interval '1 minute'"}
SLUG = {"slug": "p.slug || '-copy-' || n"}
OF_A_POST = {"post_id": "other.post_id"}


def _copy(row: Model, times: int, **changed: str) -> None:
    """Copy a row by one statement. `changed` has SQL for columns that differ, where `n` is the number of the copy."""
    expressions = {**CHANGED, **changed}
    columns = [field.column for field in row._meta.concrete_fields]
    values = ", ".join(expressions.get(name, f'p."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    copy = COPY_FOR_POSTS if "other." in values else COPY
    with connection.cursor() as cursor:
        cursor.execute(copy.format(table=row._meta.db_table, columns=names, values=values), [times, row.pk])


def _copy_post(post: Post, times: int) -> None:
    _copy(post, times, **SLUG)
    with connection.cursor() as cursor:
        cursor.execute(COPY_DOCUMENT, [post.pk, f"{post.slug}-copy-%"])


@pytest.fixture
def many_posts(make_post: Callable[..., Post]) -> list[Post]:
    if connection.vendor != "postgresql":
        pytest.skip("The promise is about PostgreSQL.")
    published = make_post(title="About letters", content="Some words about ink. " * 40)
    draft = make_post(title="Another", is_published=False)
    _copy_post(published, POSTS * 3 // 4)
    _copy_post(draft, POSTS // 4)
    return [published, draft]


def _ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    cache.clear()


@pytest.mark.slow
@pytest.mark.usefixtures("many_posts")
def test_lists_of_many_posts_are_quick(editor: User, signed_in: Callable[[User], Client]) -> None:
    _ready()
    client = signed_in(editor)
    took = {query: _best_ms(client, f"post/?{query}") for query in QUERIES}
    assert max(took.values()) <= LIMIT_MS, took


@pytest.mark.slow
def test_other_lists_of_a_large_site_are_quick(
    admin: User, make_user: Callable[..., User], many_posts: list[Post], signed_in: Callable[[User], Client]
) -> None:
    now = timezone.now()
    _copy_people(admin, make_user("author", username="mia"), now)
    _copy_content(admin, many_posts[0], now)
    _copy_records(admin, many_posts[0], now)
    _ready()
    client = signed_in(admin)
    took = {f"{name}/?{query}": 0.0 for name, queries in OTHER_QUERIES.items() for query in queries}
    took = {address: _best_ms(client, address) for address in took}
    assert {address: ms for address, ms in took.items() if ms > LIMIT_MS} == {}, took


def _copy_people(admin: User, author: User, now: datetime.datetime) -> None:
    _copy(author, POSTS, username="p.username || n", email="n || p.email")
    key = ApiKey.objects.create(name="Robot", prefix="k", digest="d", scopes=["posts:read"], owner=author)
    _copy(key, POSTS, prefix="'k' || n")
    day = datetime.timedelta(days=1)
    _copy(Invitation.objects.create(email="i@example.org", invited_by=admin, expires_at=now + day), FEW)


def _copy_content(admin: User, post: Post, now: datetime.datetime) -> None:
    picture: Any = {"mime_type": "image/png", "size_bytes": 1, "sha256": "x", "width": 4, "height": 3}
    media = MediaFile.objects.create(file="a.png", original_name="harbour.png", uploaded_by=admin, **picture)
    _copy(media, POSTS, alt_text="CASE WHEN mod(n, 10) = 0 THEN '' ELSE 'A harbour' END")
    tag = Tag.objects.create(name="Paper", name_key="paper", slug="paper")
    _copy(tag, POSTS, **SLUG, name="p.name || n", name_key="p.name_key || n")
    top = Category.objects.create(name="Attic", slug="attic")
    low = Category.objects.create(name="Box", slug="box", parent=top)
    _copy(low, FEW, **SLUG, name="p.name || n")
    guest: Any = {
        "text": "Words about ink",
        "author_name": "Gil",
        "author_email": "gil@example.org",
        "thread_path": "x",
    }
    comment = Comment.objects.create(post=post, **guest)
    status = "CASE WHEN mod(other.n, 10) = 0 THEN 'pending' ELSE 'published' END"
    path, email = "lpad(other.n::text, 32, '0')", "mod(other.n, 1000) || p.author_email"
    _copy(comment, POSTS, **OF_A_POST, status=status, thread_path=path, author_email=email)
    _copy(Redirect.objects.create(old_path="/old/", post=post), POSTS, **OF_A_POST, old_path="p.old_path || other.n")
    revision = PostRevision.objects.filter(post=post).latest("number")
    _copy(revision, POSTS, **OF_A_POST, number="p.number + 1000")


def _copy_records(admin: User, post: Post, now: datetime.datetime) -> None:
    event: Any = {"actor": admin, "action": "post.updated", "object_type": "post", "object_id": post.pk}
    _copy(AuditEvent.objects.create(**event), POSTS, object_id="other.post_id")
    imported: Any = {"source": "wxr", "object_type": "post", "external_id": "e", "object_id": post.pk, "digest": "d"}
    _copy(ImportRecord.objects.create(**imported), POSTS, external_id="p.external_id || other.n || other.post_id")
    webhook = Webhook.objects.create(url="https://example.org", events=["post.published"], secret="s", created_by=admin)
    _copy(webhook, FEW)
    told: Any = {"event_id": post.pk, "event_type": "post.published", "object_type": "post", "object_id": post.pk}
    delivery = Delivery.objects.create(webhook=webhook, payload={}, next_attempt_at=now, **told)
    _copy(
        delivery,
        POSTS,
        event_id="gen_random_uuid()",
        status="CASE WHEN mod(n, 10) = 0 THEN 'pending' ELSE 'delivered' END",
    )
    _copy(Transfer.objects.create(kind="import", state="done", original_name="a.xml", started_by=admin), FEW)


def _best_ms(client: Client, address: str) -> float:
    best = float("inf")
    for _ in range(TRIES):
        began = time.perf_counter()
        assert client.get(f"/admin/cms/{address}").status_code == 200
        best = min(best, (time.perf_counter() - began) * 1000)
        if best <= LIMIT_MS:
            break
    return round(best)
