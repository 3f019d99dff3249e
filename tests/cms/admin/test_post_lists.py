"""The list of posts: what its filters and its search find, and the command palette."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.admin import counting
from cms.models import Category, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.posts import update_post

LIST = "/admin/cms/post/"


@pytest.fixture(autouse=True)
def fresh_choices() -> None:
    cache.clear()


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


def titles(client: Client, query: str) -> set[str]:
    return {post.title for post in client.get(f"{LIST}?{query}").context["cl"].result_list}


def test_posts_are_filtered_by_tag_category_author_and_whose(
    client: Client, editor: User, author: User, make_post: Callable[..., Post]
) -> None:
    letters = Category.objects.create(name="Letters", slug="letters")
    make_post(title="Tagged", tags=["ink"])
    make_post(title="Filed", categories=[letters])
    make_post(title="Own", by=editor)
    shared = make_post(title="Shared")
    update_post(actor=SYSTEM, post=shared, changes={"co_authors": [editor]}, now=timezone.now())
    assert titles(client, f"tag={Tag.objects.get().pk}") == {"Tagged"}
    assert titles(client, f"category={letters.pk}") == {"Filed"}
    assert titles(client, f"author={author.pk}") == {"Tagged", "Filed", "Shared"}
    assert titles(client, "mine=1") == {"Own", "Shared"}
    assert titles(client, f"author={author.pk}&tag={Tag.objects.get().pk}&q=tagged") == {"Tagged"}
    assert titles(client, "tag=nonsense") == titles(client, f"tag={letters.pk}") == set()


def test_the_form_of_a_filter_keeps_the_other_filters(client: Client, make_post: Callable[..., Post]) -> None:
    make_post(tags=["ink"])
    page = client.get(f"{LIST}?state=published&q=post&p=1").content.decode()
    forms = [part.split("</form>")[0] for part in page.split('<form method="get" class="flex flex-col gap-2">')[1:]]
    assert len(forms) == 2  # by author and by tag: there are no categories
    for form in forms:
        assert '<input type="hidden" name="state" value="published">' in form
        assert '<input type="hidden" name="q" value="post">' in form
        assert 'name="p"' not in form


def test_a_list_counts_no_further_than_its_pages_go(
    client: Client, make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED_MAX", 2)
    for _ in range(3):
        make_post()
    assert "2+ results" in client.get(LIST).content.decode()
    Post.objects.filter(pk=Post.objects.all()[0].pk).delete()
    assert "2 results" in client.get(LIST).content.decode()


@pytest.mark.parametrize(("query", "is_offered"), [("", False), ("?o=1", False), ("?q=x", True), ("?kind=page", True)])
def test_all_rows_are_offered_beside_some_alone(client: Client, query: str, is_offered: bool) -> None:
    assert (">Show all<" in client.get(f"{LIST}{query}").content.decode()) == is_offered


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("letter", {"A letter"}),
        ("lett", {"A letter"}),  # begun in the title
        ("semicolons", {"Notes"}),  # in the text
        ('"about semicolons"', {"Notes"}),
        ("a-slug-of-its-own", {"Notes"}),
        ("absent", set()),
        (" ", {"A letter", "Notes"}),
    ],
)
def test_the_search_reads_titles_texts_slugs_and_ids(
    client: Client, make_post: Callable[..., Post], query: str, found: set[str]
) -> None:
    letter = make_post(title="A letter", is_published=False)
    make_post(title="Notes", content="All about semicolons.", slug="a-slug-of-its-own")
    assert titles(client, f"q={query}") == found
    assert titles(client, f"q={letter.pk}") == {"A letter"}


def test_authors_find_their_own_posts_alone(
    author: User, make_user: Callable[..., User], make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    make_post(title="Ink of mine", tags=["shown"])
    other = make_post(title="Ink of others", by=make_user("author"), is_published=False, tags=["secret"])
    client = signed_in(author)
    assert titles(client, "q=ink") == {"Ink of mine"}
    tags = [one for one in client.get(LIST).context["cl"].filter_specs if getattr(one, "parameter_name", "") == "tag"]
    assert [name for spec in tags for _, name in spec.lookup_choices] == ["shown"]
    assert titles(client, f"q={other.slug}") == set()
    found = client.get("/admin/search/?s=ink").context["results"]
    assert [one.title for one in found] == ["Ink of mine"]
    assert {spec.title for spec in client.get(LIST).context["cl"].filter_specs} & {"author", "ownership"} == set()


def test_languages_have_their_names(client: Client, make_post: Callable[..., Post]) -> None:
    make_post(language="de-AT")
    make_post(language="tlh")
    [languages] = [
        spec
        for spec in client.get(LIST).context["cl"].filter_specs
        if getattr(spec, "parameter_name", "") == "language"
    ]
    assert languages.lookup_choices == [("de-AT", "German (de-AT)"), ("tlh", "tlh")]


def test_the_palette_finds_objects_and_pages(
    admin: User, make_post: Callable[..., Post], make_user: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    make_user("author", username="inkwell")
    post = make_post(title="Ink", tags=["Inks"])
    client = signed_in(admin)
    found = [(one.title, one.description) for one in client.get("/admin/search/?s=ink").context["results"]]
    assert found == [("Ink", "post"), ("inkwell", "user"), ("Inks", "tag")]
    [first, *_] = client.get("/admin/search/?s=ink").context["results"]
    assert first.link == f"/admin/cms/post/{post.pk}/change/"
    pages = [one.title for one in client.get("/admin/search/?s=two-factor").context["results"]]
    assert pages == ["Two-factor sign-in"]
    assert "Comments" in [one.title for one in client.get("/admin/search/?s=comm").context["results"]]


def test_the_palette_takes_the_same_queries_for_two_posts_and_for_twenty(
    client: Client, make_post: Callable[..., Post]
) -> None:
    def count(term: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/admin/search/?s={term}").context["results"]
        return len(queries)

    for n in range(2):
        make_post(title=f"Ink number {n}", tags=[f"ink {n}"])
    before = count("ink")
    for n in range(2, 12):
        make_post(title=f"Ink number {n}", tags=[f"ink {n}"])
    assert count("ink number") <= count("inks ink") + 2 <= before + 4


def test_names_of_objects_keep_their_first_letter(client: Client, make_post: Callable[..., Post]) -> None:
    post: Any = make_post(title="https://example.org explained")
    page = client.get(f"{LIST}{post.pk}/change/").content.decode()
    assert "https://example.org explained" in page
    assert "Https://" not in page
