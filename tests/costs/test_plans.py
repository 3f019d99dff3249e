"""How many rows PostgreSQL looks at: no more than grows with the number there are, whoever made them."""

import datetime
import os
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api_v2.pagination import LOOKED_AT
from canary.models import ConsumerUsage
from canary.retiring.usage import top_consumers
from cms.choices import DeliveryStatus
from cms.ids import uuid7_at
from cms.models import AuditEvent, Comment, Delivery, ImportRecord, MediaFile, Post, Tag, User, Webhook
from cms.policy import SYSTEM
from cms.services import deliveries, pruning
from cms.services.webhooks import create_webhook

ROWS: Final = 1_000
LOOKS: Final = 10
"""At so many rows for each one: a few joins, and an index entry, its row, and the next ones. Quadratic: 500 for each."""

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL"),
]


def looked_at(sql: str) -> float:
    """Return the rows that all nodes of the plan read, passed on or dropped."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {sql}")
        [[[plan]]] = cursor.fetchall()
    return _looked_at(plan["Plan"])


def _looked_at(node: dict[str, Any]) -> float:
    dropped = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
    own: float = (node["Actual Rows"] + dropped) * node["Actual Loops"]
    return own + sum(_looked_at(one) for one in node.get("Plans", ()))


def analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def as_large_tables() -> None:
    """Let PostgreSQL consider several processes, which it does from 8 MB on, and so more plans."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL min_parallel_table_scan_size = 0")
        cursor.execute("SET LOCAL min_parallel_index_scan_size = 0")
        cursor.execute("SET LOCAL parallel_setup_cost = 10")


def _comment_on(posts: list[Post], author: User) -> None:
    """Write a few comments on each of these, as they are on most posts."""
    for post in posts:
        keys = [uuid7_at(datetime.datetime.now(datetime.UTC)) for _ in range(10)]
        Comment.objects.bulk_create(
            Comment(id=pk, post=post, author=author, status="published", text="Words", thread_path=pk.hex)
            for pk in keys
        )


@pytest.mark.parametrize("share", [1, 2], ids=["all deleted", "half deleted"])
@pytest.mark.parametrize("others", [0, 200])
def test_deleted_comments_are_looked_at_once(share: int, others: int, make_post: Any, author: Any) -> None:
    post = make_post()
    _comment_on([make_post() for _ in range(others // 10)], author)
    Comment.objects.bulk_create(
        Comment(
            id=pk,
            post=post,
            author=author,
            status="published" if number % share else "deleted",
            text="Words" if number % share else "",
            thread_path=pk.hex,
        )
        for number, pk in ((n, uuid7_at(datetime.datetime.now(datetime.UTC))) for n in range(ROWS))
    )
    analyse()
    now = datetime.datetime.now(datetime.UTC)
    for viewer in (AnonymousUser(), SYSTEM):
        with CaptureQueriesContext(connection) as captured:
            Post.objects.get(pk=post.pk).comments.visible_to(viewer, now).count()
        assert looked_at(captured.captured_queries[-1]["sql"]) <= LOOKS * ROWS


def test_the_usage_of_made_up_names_is_looked_at_once_for_all_that_are_shown(now: datetime.datetime) -> None:
    ConsumerUsage.objects.bulk_create(
        ConsumerUsage(day=now.date(), kind="client", identifier=f"c{n % 200}", route=f"GET /{n}", last_seen_at=now)
        for n in range(ROWS)
    )
    analyse()
    with CaptureQueriesContext(connection) as captured:
        shown, count = top_consumers(100, now=now, deprecated_at=None)
    assert (len(shown), count) == (100, 200)
    assert sum(looked_at(one["sql"]) for one in captured.captured_queries) <= LOOKS * ROWS


TAGS, UNUSED, PUBLIC = 4, 400, 400


def copies_of(post: Post, now: datetime.datetime, count: int = PUBLIC) -> list[Post]:
    fields = {field.attname: getattr(post, field.attname) for field in Post._meta.concrete_fields}
    ids = (uuid7_at(now + datetime.timedelta(milliseconds=n)) for n in range(count))
    return Post.objects.bulk_create(Post(**fields | {"id": pk, "slug": f"copy-{pk}"}) for pk in ids)


@pytest.mark.parametrize(
    "path", ["/api/v1/tags?limit=20", "/api/v2/tags?limit=20&count=exact", "/api/v2/search/suggest?q=ta"]
)
def test_tags_that_no_public_post_carries_are_not_looked_for_one_by_one(
    path: str, client: Client, client_of: Any, make_post: Any, author: Any, now: datetime.datetime
) -> None:
    tags = Tag.objects.bulk_create(
        Tag(name=f"tag {n}", name_key=f"tag {n}", slug=f"tag-{n}", usage_count=PUBLIC if n < TAGS else 0)
        for n in range(TAGS + UNUSED)
    )
    posts = copies_of(make_post(), now)
    links = Post.tags.through
    links.objects.bulk_create(links(post=post, tag=tag) for post in posts for tag in tags[:TAGS])
    analyse()
    for reader in (client, client_of(author)):
        with CaptureQueriesContext(connection) as captured:
            assert reader.get(path).status_code == 200
        looks = sum(looked_at(one["sql"]) for one in captured.captured_queries if one["sql"].startswith("SELECT"))
        assert looks <= LOOKS * (PUBLIC * TAGS + UNUSED)


FILES, DRAFTS, MANY = 600, 100, 1_000


def files_of(author: User) -> list[MediaFile]:
    return MediaFile.objects.bulk_create(
        MediaFile(file=f"{n}", original_name=f"file {n}", mime_type="text/plain", size_bytes=1, uploaded_by=author)
        for n in range(FILES)
    )


@pytest.mark.parametrize("query", ["?limit=1", "?limit=1&count=exact"])
@pytest.mark.parametrize("shown", [0, 1], ids=["no file", "one file"])
def test_posts_are_looked_at_once_for_the_files_of_all(
    shown: int, query: str, client: Client, make_post: Any, author: User, now: datetime.datetime
) -> None:
    files, posts = files_of(author), copies_of(make_post(), now)
    link = Post.embedded_media.through
    link.objects.bulk_create(link(post=post, mediafile=one) for post in posts for one in files[:shown])
    analyse()
    with CaptureQueriesContext(connection) as captured:
        assert len(client.get(f"/api/v2/media{query}").json()["data"]) == shown
    looks = sum(looked_at(one["sql"]) for one in captured.captured_queries if one["sql"].startswith("SELECT"))
    assert looks <= LOOKS * (PUBLIC + FILES)


@pytest.mark.parametrize("query", ["?limit=1", "?limit=1&count=exact", "?limit=20&q=file"])
def test_files_that_many_drafts_show_are_looked_at_page_by_page(
    query: str, client: Client, make_post: Any, author: Any, now: datetime.datetime
) -> None:
    files = files_of(author)
    drafts = [make_post(is_published=False) for _ in range(DRAFTS)]
    link = Post.embedded_media.through
    link.objects.bulk_create(link(post=draft, mediafile=one) for draft in drafts for one in files)
    make_post().embedded_media.add(files[0])
    analyse()
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(f"/api/v2/media{query}").json()
    assert [row["original_name"] for row in answer["data"]] == ["file 0"]
    if "count" in query:
        assert answer["page"]["total"] == 1
    looks = sum(looked_at(one["sql"]) for one in captured.captured_queries if one["sql"].startswith("SELECT"))
    assert looks <= LOOKS * (LOOKED_AT * DRAFTS + FILES)


def test_files_behind_many_hidden_ones_are_looked_at_once(
    client: Client, make_post: Any, author: User, now: datetime.datetime
) -> None:
    """For a page of few PostgreSQL compared each hidden file on the way with all that public posts show."""
    shown, hidden = files_of(author), files_of(author)
    draft, posts = make_post(is_published=False), copies_of(make_post(content="word " * 400), now, MANY)
    link = Post.embedded_media.through
    link.objects.bulk_create(link(post=draft, mediafile=one) for one in hidden)
    for number, post in enumerate(posts):
        post.featured_image = shown[number % FILES]
    Post.objects.bulk_update(posts, ["featured_image"], batch_size=1_000)
    analyse()
    as_large_tables()
    with CaptureQueriesContext(connection) as captured:
        [row] = client.get("/api/v2/media?limit=1").json()["data"]
    assert row["original_name"] == shown[-1].original_name
    looks = sum(looked_at(one["sql"]) for one in captured.captured_queries if one["sql"].startswith("SELECT"))
    assert looks <= LOOKS * (MANY + 2 * FILES)


LIBRARY = "/admin/cms/mediafile/"
PALETTE = "/admin/search/?extended=1&s=file"
SUGGESTED = "/admin/autocomplete/?app_label=cms&model_name=post&field_name=featured_image&term="


def looks_of(ask: Callable[[], Any]) -> float:
    with CaptureQueriesContext(connection) as captured:
        assert ask().status_code in (200, 302)
    return sum(looked_at(one["sql"]) for one in captured.captured_queries if one["sql"].startswith("SELECT"))


@pytest.mark.parametrize("address", [LIBRARY, f"{LIBRARY}?o=1&p=5", f"{LIBRARY}?q=file&kind=document", SUGGESTED])
def test_the_media_library_of_an_author_looks_at_posts_once_for_the_files_of_all(
    address: str, client: Client, make_post: Any, make_user: Any, editor: User, now: datetime.datetime
) -> None:
    """An author's own posts and the co-written ones were looked for once for each file."""
    writer = make_user("author")
    files, posts = files_of(editor), copies_of(make_post(is_published=False), now)
    link, names = Post.embedded_media.through, Post.co_authors.through
    names.objects.bulk_create(names(post=post, user=writer) for post in posts)
    link.objects.bulk_create(link(post=posts[n % PUBLIC], mediafile=one) for n, one in enumerate(files[:-9]))
    analyse()
    client.force_login(writer)
    if address == LIBRARY:
        assert client.get(address).context["cl"].result_count == FILES - 9
    assert looks_of(lambda: client.get(address)) <= LOOKS * 2 * (PUBLIC + FILES)  # to count, and to find a page


@pytest.mark.parametrize("address", [LIBRARY, f"{LIBRARY}?p=2", SUGGESTED, PALETTE])
def test_the_media_library_looks_once_at_files_behind_many_hidden_ones(
    address: str, client: Client, make_post: Any, author: User, editor: User, now: datetime.datetime
) -> None:
    own, _hidden, posts = files_of(author), files_of(editor), copies_of(make_post(content="word " * 400), now, MANY)
    for number, post in enumerate(posts):
        post.featured_image = own[number % FILES]
    Post.objects.bulk_update(posts, ["featured_image"], batch_size=1_000)
    analyse()
    as_large_tables()
    client.force_login(author)
    assert looks_of(lambda: client.get(address)) <= LOOKS * (MANY + 2 * FILES)


def pending(now: datetime.datetime, webhook: Webhook, object_ids: list[uuid.UUID]) -> list[Delivery]:
    """Make a delivery for each of these objects, a microsecond after the one before."""
    told = {"webhook": webhook, "event_type": "post.updated", "object_type": "post", "payload": {}}
    moments = [now + datetime.timedelta(microseconds=n) for n in range(len(object_ids))]
    made = [
        Delivery(**told, event_id=uuid7_at(at), object_id=one, next_attempt_at=at, created_at=at, updated_at=at)
        for at, one in zip(moments, object_ids, strict=True)
    ]
    return Delivery.objects.bulk_create(made)


@pytest.fixture
def webhook(now: datetime.datetime) -> Webhook:
    return create_webhook(actor=SYSTEM, fields={"url": "https://example.com/", "events": ["*"]}, now=now)


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("others", [0, 200])
def test_a_claim_looks_at_a_few_of_the_pending_deliveries_of_one_object(
    others: int, is_known: bool, webhook: Webhook, now: datetime.datetime
) -> None:
    if not is_known:  # PostgreSQL counted when all that there was had been delivered
        pending(now, webhook, [webhook.pk] * ROWS)
        Delivery.objects.update(status=DeliveryStatus.DELIVERED)
        analyse()
    made = pending(now, webhook, [webhook.pk] * ROWS + [uuid7_at(now) for _ in range(others)])
    if is_known:
        analyse()
    later = now + datetime.timedelta(seconds=1)
    with CaptureQueriesContext(connection) as captured:
        assert made[0].pk in [row.pk for row in deliveries._claim_of(webhook.pk, later, 5)]
    [look] = [one["sql"] for one in captured.captured_queries if '"first"' in one["sql"]]
    assert looked_at(look) <= LOOKS * deliveries.LOOKED_AT
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {look}")
        plan = "".join(line for (line,) in cursor.fetchall())
    assert "cms_delivery_by_time" in plan
    assert "cms_delivery_by_object" in plan


def test_a_pile_of_one_object_is_looked_at_once_and_hides_no_other(webhook: Webhook, now: datetime.datetime) -> None:
    """An author changes one post again and again, faster than its receiver answers."""
    *_, other = pending(now, webhook, [webhook.pk] * 4 * deliveries.LOOKED_AT + [uuid7_at(now)])
    later = now + datetime.timedelta(seconds=1)
    claimed = [row.pk for _ in range(5) for row in deliveries._claim_of(webhook.pk, later, 5)]
    assert other.pk in claimed
    with CaptureQueriesContext(connection) as captured:
        assert deliveries._claim_of(webhook.pk, later, 5) == []
    looks = [one["sql"] for one in captured.captured_queries if one["sql"].startswith("SELECT")]
    assert sum(looked_at(look) for look in looks) <= LOOKS


def test_pruning_reads_what_it_keeps_once(
    now: datetime.datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deletions of what was imported are kept for ever, and were read again before each batch."""
    settings.AUDIT_RETENTION_DAYS = 1
    monkeypatch.setattr(pruning, "BATCH", 10)
    old, ids = now - datetime.timedelta(days=2), [uuid7_at(now) for _ in range(ROWS)]
    told: Any = {"source": "s", "digest": "d", "object_type": "tag"}
    ImportRecord.objects.bulk_create(ImportRecord(**told, external_id=str(pk), object_id=pk) for pk in ids)
    for action in ("tag.deleted", "tag.created"):
        events = (AuditEvent(action=action, object_type="tag", object_id=pk, created_at=old) for pk in ids)
        AuditEvent.objects.bulk_create(events)
    analyse()
    with CaptureQueriesContext(connection) as captured:
        assert pruning.prune(now=now)["audit_events"] == ROWS
    looks = [one["sql"] for one in captured.captured_queries if one["sql"].startswith("SELECT")]
    batches = [look for look in looks if "cms_auditevent" in look and "LIMIT 10" in look]
    assert len(batches) > ROWS / 10
    assert sum(looked_at(look) for look in batches) <= LOOKS * 2 * ROWS
