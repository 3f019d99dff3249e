"""GET /search, /search/suggest and /search/stats, POST /search/reindex."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import AuditEvent, Job, Post, SearchDocument
from tests.api_v1.conftest import items_of

PATH = "/api/v1/search"


def found(client: Client, query: str) -> list[str]:
    response = client.get(f"{PATH}?{query}")
    assert response.status_code == 200
    return [hit["title"] for hit in response.json()["data"]["hits"]]


@pytest.fixture
def many(make_post: Any, now: datetime.datetime) -> None:
    for number, title in enumerate(("Cedar", "Birch", "Alder")):
        at = now - datetime.timedelta(days=number)
        make_post(title=title, content=f"Trees. {'Wood. ' * number}", created_at=at, published_at=at)


def test_a_hit_is_a_post_as_lists_show_it(anonymous: Client, make_post: Any, make_category: Any) -> None:
    make_post(title="Trees", tags=["b", "a"], categories=[make_category("Wood")])
    make_post(title="Stones", tags=["a"])
    data = anonymous.get(f"{PATH}?q=tree").json()["data"]
    assert list(data) == ["hits", "total", "took_ms", "facets"]
    assert data["hits"] == [item for item in items_of(anonymous.get("/api/v1/posts")) if item["title"] == "Trees"]
    assert (data["total"], data["facets"]) == (
        1,
        {
            "tags": [{"slug": "a", "count": 1}, {"slug": "b", "count": 1}],
            "categories": [{"slug": "wood", "count": 1}],
        },
    )


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort_by=title&sort_order=asc", ["Alder", "Birch", "Cedar"]),
        ("sort_by=title", ["Cedar", "Birch", "Alder"]),
        ("sort_by=created_at&sort_order=asc", ["Alder", "Birch", "Cedar"]),
        ("sort_by=published_at&sort_order=desc", ["Cedar", "Birch", "Alder"]),
        ("sort_by=title&sort_order=asc&limit=1&offset=1", ["Birch"]),
        ("sort_by=title&offset=3", []),
        ("limit=0&sort_by=title", ["Cedar", "Birch", "Alder"]),
        ("limit=2&offset=1000000000000000000000", []),
    ],
)
def test_hits_are_sorted_and_cut_as_asked(query: str, expected: list[str], anonymous: Client) -> None:
    assert found(anonymous, f"q=trees&{query}") == expected
    assert anonymous.get(f"{PATH}?q=trees&{query}").json()["data"]["total"] == 3


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "query",
    ["", "limit=-1&offset=-1", "limit=x&offset=y", "sort_by=password", "sort_by=relevance&sort_order=asc", "a=b"],
)
def test_whatever_else_is_asked_the_best_come_first(query: str, anonymous: Client) -> None:
    assert found(anonymous, f"q=trees&{query}") == found(anonymous, "q=trees")
    pages = [found(anonymous, f"q=trees&limit=1&offset={number}")[0] for number in range(3)]
    assert pages == found(anonymous, "q=trees")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "q", ["", "   ", "zebra", "%00", "tr%00ees%F0", '"', "-", "-trees", "x" * 5000, "'; DROP", "*", "tree:*"]
)
def test_any_text_is_a_question(q: str, anonymous: Client) -> None:
    for more in ("", "&sort_by=title"):
        response = anonymous.get(f"{PATH}?q={q}{more}")
        assert response.status_code == 200
        assert response.json()["data"]["total"] in (0, 3)


def test_pages_and_what_is_hidden_are_not_found(
    anonymous: Client, client_of: Any, editor: Any, make_post: Any, make_hidden_post: Any, author: Any, make_user: Any
) -> None:
    make_post(title="A page", kind="page", content="Trees.")
    for state in ("draft", "scheduled", "expired", "private", "archived", "trashed"):
        make_hidden_post(state, content="Trees.")
    strangers = (anonymous, client_of(make_user("author")))
    insiders = (client_of(author), client_of(editor))
    for more in ("", "&sort_by=title"):
        assert [found(client, f"q=trees{more}") for client in strangers] == [[], []]
        assert [len(found(client, f"q=trees{more}")) for client in insiders] == [5, 5]
        assert all("A trashed post" not in found(client, f"q=trees{more}") for client in insiders)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("query", "expected"),
    [("prefix=bir", ["Birch"]), ("prefix=", []), ("", []), ("prefix=%00", []), ("prefix=zebra", [])],
)
def test_a_word_is_completed(query: str, expected: list[str], anonymous: Client) -> None:
    response = anonymous.get(f"{PATH}/suggest?{query}")
    assert response.json()["data"] == {"suggestions": expected}


def test_suggestions_are_as_many_as_asked(anonymous: Client, make_post: Any) -> None:
    for number in range(12):
        make_post(title=f"Tree {number}")
    for limit, count in (("", 10), ("3", 3), ("0", 10), ("x", 10), ("1000", 12)):
        assert len(anonymous.get(f"{PATH}/suggest?prefix=tree&limit={limit}").json()["data"]["suggestions"]) == count


def test_the_numbers_are_of_what_the_reader_may_find(
    anonymous: Client, client_of: Any, author: Any, make_post: Any, make_hidden_post: Any
) -> None:
    make_post()
    make_hidden_post("draft")
    make_hidden_post("trashed")
    make_post(kind="page")
    counts = [client.get(f"{PATH}/stats").json()["data"] for client in (anonymous, client_of(author))]
    assert counts == [
        {"total_documents": 1, "index_state": "ready"},
        {"total_documents": 2, "index_state": "ready"},
    ]


def test_reindexing_is_queued_once_and_done_by_a_worker(
    anonymous: Client, client_of: Any, make_user: Any, make_post: Any, send: Any
) -> None:
    make_post(title="Trees")
    SearchDocument.objects.all().delete()
    assert found(anonymous, "q=trees") == []
    admin = client_of(make_user("admin"))
    first, second = send(admin, "post", f"{PATH}/reindex"), send(admin, "post", f"{PATH}/reindex")
    assert first.json()["data"] == {
        "message": "Reindexing was queued",
        "job_id": str(Job.objects.get().pk),
        "index_state": "queued",
    }
    assert second.json()["data"]["message"] == "Reindexing is under way already"
    assert second.json()["data"]["job_id"] == first.json()["data"]["job_id"]
    assert anonymous.get(f"{PATH}/stats").json()["data"]["index_state"] == "queued"
    job = claim_job(worker="w", now=timezone.now())
    assert job is not None
    assert anonymous.get(f"{PATH}/stats").json()["data"]["index_state"] == "running"
    run_job(job, clock=timezone.now)
    assert anonymous.get(f"{PATH}/stats").json()["data"] == {"total_documents": 1, "index_state": "ready"}
    assert found(anonymous, "q=trees") == ["Trees"]
    assert AuditEvent.objects.filter(action="search.reindex_requested").count() == 1


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("subscriber", 403), ("author", 403), ("editor", 403)])
def test_reindexing_is_for_admins(
    role: str | None, status: int, client_of: Any, make_user: Any, anonymous: Client
) -> None:
    client = client_of(make_user(role)) if role else anonymous
    assert client.post(f"{PATH}/reindex").status_code == status
    assert not Job.objects.exists()
    assert not Post.objects.exists()
