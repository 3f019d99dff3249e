import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cms.admin.filters import LANGUAGES_MAX, LanguageFilter
from cms.models import ApiKey, Category, Delivery, ImportRecord, Invitation, MediaFile, Post, Redirect, User, Webhook
from cms.services.comments import create_comment
from cms.services.posts import update_post

LISTS = ["post", "comment", "tag", "category", "user", "auditevent", "postrevision", "redirect", "importrecord"]
LISTS += ["webhook", "delivery", "apikey", "mediafile"]


def _add_rows(make_user: Callable[..., User], make_post: Callable[..., Post], first: int, last: int) -> None:
    """Add rows whose foreign keys are all set, each to another row: a null key costs no query in any list."""
    now = timezone.now()
    for n in range(first, last):
        parent = Category.objects.create(name=f"Parent {n}", slug=f"parent-{n}")
        category = Category.objects.create(name=f"Category {n}", slug=f"category-{n}", parent=parent)
        post = make_post(by=make_user("author"), tags=[f"tag {n}"], categories=[category])
        post = update_post(actor=make_user("editor"), post=post, changes={"title": f"Post {n}"}, now=now)
        create_comment(actor=make_user("subscriber"), post=post, fields={"text": "Words"}, now=now)
        Redirect.objects.create(old_path=f"/old/{n}", post=post)
        ImportRecord.objects.create(source="s", object_type="post", external_id=str(n), object_id=post.pk, digest="d")
        _add_admins_rows(make_user("admin"), n)


def _add_admins_rows(admin: User, n: int) -> None:
    webhook = Webhook.objects.create(url="https://example.org", events=["tag.deleted"], secret="s", created_by=admin)
    event: Any = {"event_id": admin.pk, "event_type": "user.registered", "object_type": "user", "object_id": admin.pk}
    Delivery.objects.create(webhook=webhook, payload={}, next_attempt_at=timezone.now(), **event)
    ApiKey.objects.create(name=f"Key {n}", prefix=f"p{n}", digest="d", owner=admin)
    MediaFile.objects.create(
        file=f"{n}.pdf", original_name="a.pdf", mime_type="application/pdf", size_bytes=1, sha256="x", uploaded_by=admin
    )


def _count(client: Client, address: str) -> int:
    client.get("/admin/cms/post/")  # fills the caches of its filters
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_lists_take_the_same_queries_for_two_rows_and_for_thirty(
    admin: User,
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    signed_in: Callable[[User], Client],
) -> None:
    client = signed_in(admin)
    addresses = [*(f"/admin/cms/{name}/" for name in LISTS), "/admin/"]
    _add_rows(make_user, make_post, 0, 2)
    before = {address: _count(client, address) for address in addresses}
    _add_rows(make_user, make_post, 2, 30)
    assert {address: _count(client, address) for address in addresses} == before
    assert before.pop("/admin/") <= 15
    assert max(before.values()) <= 8


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("state=draft", {"Draft"}),
        ("state=published", {"Live"}),
        ("state=expired", {"Gone"}),
        ("q=liv", {"Live"}),
        ("language=de", {"Draft"}),
        ("kind=page", {"About"}),
        ("kind=all", {"Draft", "Live", "Gone", "About"}),
        ("", {"Draft", "Live", "Gone"}),
    ],
)
def test_posts_are_found_by_search_and_filters(
    editor: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client], query: str, titles: set[str]
) -> None:
    make_post(title="Draft", is_published=False, language="de")
    make_post(title="Live")
    make_post(title="About", kind="page")
    gone = make_post(title="Gone")
    assert gone.published_at
    Post.objects.filter(pk=gone.pk).update(expires_at=gone.published_at + datetime.timedelta(minutes=1))
    page = signed_in(editor).get(f"/admin/cms/post/?{query}")
    assert {post.title for post in page.context["cl"].result_list} == titles


def test_the_languages_on_offer_are_those_of_most_posts(
    author: User, editor: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    """An author made up 23,000: the list took 10 MB and two seconds from every editor."""
    for _ in range(2):
        make_post(language="zh")
    first = make_post(language="aa-made-up-0")
    fields = {
        field.attname: getattr(first, field.attname) for field in Post._meta.concrete_fields if not field.primary_key
    }
    Post.objects.bulk_create(
        Post(**{**fields, "slug": f"a{number}", "language": f"aa-made-up-{number}"}) for number in range(1, 250)
    )
    for reader in (author, editor):
        page = signed_in(reader).get("/admin/cms/post/")
        (offered,) = (spec for spec in page.context["cl"].filter_specs if isinstance(spec, LanguageFilter))
        codes = [code for code, _ in offered.lookup_choices]
        assert (len(codes), "zh" in codes) == (LANGUAGES_MAX, True)


def test_lists_leave_the_long_texts_in_the_database(
    editor: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    make_post(content="A long text. " * 1000)
    with CaptureQueriesContext(connection) as queries:
        signed_in(editor).get("/admin/cms/post/")
    assert not [query for query in queries.captured_queries if '"content_html"' in query["sql"]]


def test_a_list_is_searched_once_for_what_is_not_there(admin: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(admin)
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/admin/cms/comment/?q=nowhere").status_code == 200
    assert len([query for query in queries if "nowhere" in query["sql"]]) == 1


@pytest.mark.parametrize("name", LISTS)
def test_an_unusable_search_or_filter_is_no_server_error(
    admin: User, signed_in: Callable[[User], Client], name: str
) -> None:
    client = signed_in(admin)
    for query in ("q=%27%22%00x", "q=0192-nonsense", "p=999", "o=99", "e=1"):
        assert client.get(f"/admin/cms/{name}/?{query}", follow=True).status_code == 200


def _suggest(client: Client, field: str, term: str = "", model: str = "post") -> Any:
    query = {"app_label": "cms", "model_name": model, "field_name": field, "term": term}
    return client.get("/admin/autocomplete/", query)


def test_suggested_posts_are_those_the_author_may_edit(
    make_user: Callable[..., User], make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    author = make_user("author")
    make_post(title="Secret draft", is_published=False)
    make_post(by=author, title="Own draft", is_published=False)
    found = _suggest(signed_in(author), "post", model="comment").json()["results"]
    assert [one["text"] for one in found] == ["Own draft"]


def test_an_author_is_suggested_terms_and_active_fellow_authors(
    author: User, make_user: Callable[..., User], make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    make_post(tags=["letters"])
    make_post(tags=["letters of a draft"], is_published=False)
    Category.objects.create(name="Open", slug="open")
    Category.objects.create(name="Closed", slug="closed", is_active=False)
    fellow, _ = make_user("author", username="fellow"), make_user("subscriber", username="reader")
    User.objects.filter(pk=make_user("author", username="left").pk).update(is_active=False)
    client = signed_in(author)
    assert _suggest(client, "tags").json()["results"] == [{"id": "letters", "text": "letters"}]
    assert [one["text"] for one in _suggest(client, "categories").json()["results"]] == ["Open"]
    people = {one["text"] for one in _suggest(client, "co_authors").json()["results"]}
    assert people == {author.username, fellow.username}


def test_addresses_can_not_be_found_out_by_suggestions(
    author: User, make_user: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    make_user("author", username="fellow", email="very.private@example.net")
    assert _suggest(signed_in(author), "co_authors", "private").json()["results"] == []


@pytest.mark.parametrize("role", ["subscriber", None])
def test_nobody_else_is_suggested_anything(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], role: str | None
) -> None:
    client = signed_in(make_user(role)) if role else Client()
    assert _suggest(client, "tags").status_code == 302


def test_an_empty_list_says_what_it_is_for_and_one_without_matches_leads_back(
    admin: User, signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(admin)
    page = client.get("/admin/cms/webhook/").content.decode()
    assert "A webhook calls an address of yours" in page
    assert "Reset filters" not in page
    page = client.get("/admin/cms/webhook/?q=nowhere").content.decode()
    assert "Nothing matches" in page
    assert "Reset filters" in page


def test_forms_show_words_and_not_python(
    admin: User, make_user: Callable[..., User], make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(admin)
    _add_rows(make_user, make_post, 0, 1)
    fields = {"email": "new@example.org", "role": "author", "expires_at": timezone.now(), "invited_by": admin}
    Invitation.objects.create(**fields)
    seen = 0
    for model in (one for one in site._registry if one._meta.app_label == "cms"):
        if row := model._default_manager.first():
            page = client.get(reverse(f"admin:cms_{model._meta.model_name}_change", args=[row.pk]))
            assert page.status_code == 200, model
            assert "(&#x27;" not in page.content.decode(), model
            seen += 1
    assert seen > len(LISTS)
