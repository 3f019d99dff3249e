"""The fields of posts: limits in characters, and slugs."""

import gc
from typing import Any

import pytest

from cms.errors import Duplicate, InvalidInput
from cms.models import Post, Redirect, Tag, User
from cms.services.post_states import trash_post
from cms.services.posts import update_post
from tests.cms.services.conftest import MINUTE, codes
from tests.memory import peak_memory

ASTRAL = "\U0001f600"
COMBINED = "e\u0301"  # two characters that look like one
pytestmark = pytest.mark.django_db


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "x"},
        {"title": ASTRAL * 200},
        {"title": COMBINED * 100},
        {"content": ASTRAL * 1_000_000},
        {"excerpt": ASTRAL * 500},
        {"meta_title": ASTRAL * 200},
        {"meta_description": COMBINED * 250},
        {"slug": "ж" * 200},
        {"language": "de-1996-" + "x" * 8},
        {"tags": [ASTRAL * 50]},
        {"tags": [f"tag {n}" for n in range(50)]},
    ],
    ids=lambda fields: f"{next(iter(fields))}-{len(next(iter(fields.values())))}",
)
def test_a_field_at_its_limit_is_kept_as_it_was_sent(write: Any, fields: dict[str, Any]) -> None:
    post = Post.objects.get(pk=write(**fields).pk)
    for name, value in fields.items():
        if name == "tags":
            assert set(post.tags.values_list("name", flat=True)) == set(value)
        else:
            assert getattr(post, name) == value


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"title": ""}, ("title", "required")),
        ({"title": " \u3000\n"}, ("title", "required")),
        ({"title": ASTRAL * 201}, ("title", "too_long")),
        ({"title": COMBINED * 101}, ("title", "too_long")),
        ({"title": "a\x00b"}, ("title", "invalid_characters")),
        ({"title": "a\ud800b"}, ("title", "invalid_characters")),
        ({"content": ""}, ("content", "required")),
        ({"content": "a" * 1_000_001}, ("content", "too_long")),
        ({"content": "\udfff"}, ("content", "invalid_characters")),
        ({"excerpt": ASTRAL * 501}, ("excerpt", "too_long")),
        ({"meta_title": "a" * 201}, ("meta_title", "too_long")),
        ({"meta_description": "a" * 501}, ("meta_description", "too_long")),
        ({"kind": "blog"}, ("kind", "invalid_choice")),
        ({"visibility": "secret"}, ("visibility", "invalid_choice")),
        ({"content_format": "rst"}, ("content_format", "invalid_choice")),
        ({"language": "e"}, ("language", "invalid_language")),
        ({"language": "en_US"}, ("language", "invalid_language")),
        ({"language": "en-" + "a" * 33}, ("language", "invalid_language")),
        ({"language": "en\n"}, ("language", "invalid_language")),
        ({"slug": ""}, ("slug", "invalid_slug")),
        ({"slug": "Upper"}, ("slug", "invalid_slug")),
        ({"slug": "a" * 201}, ("slug", "invalid_slug")),
        ({"slug": "12345678-1234-1234-1234-123456789abc"}, ("slug", "invalid_slug")),
        ({"tags": ["a,b"]}, ("tags", "invalid_tag_name")),
        ({"tags": [""]}, ("tags", "required")),
        ({"tags": [ASTRAL * 51]}, ("tags", "too_long")),
        ({"tags": [f"tag {n}" for n in range(51)]}, ("tags", "too_many")),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
@pytest.mark.parametrize("act", ["create", "update"])
def test_a_field_beyond_its_limit_is_refused(
    write: Any, change: Any, fields: dict[str, Any], error: tuple[str, str], act: str
) -> None:
    post = write() if act == "update" else None
    with pytest.raises(InvalidInput) as caught:
        change(post, **fields) if post else write(**fields)
    assert (caught.value.code, codes(caught.value)) == ("invalid_input", [error])
    assert Post.objects.count() == bool(post)
    assert not Tag.objects.exists()


def test_a_hundred_categories_are_allowed_and_no_more(write: Any, make_category: Any) -> None:
    categories = [make_category(f"Category {n}") for n in range(101)]
    with pytest.raises(InvalidInput) as caught:
        write(categories=categories)
    assert codes(caught.value) == [("categories", "too_many")]
    assert write(categories=categories[:100]).categories.count() == 100


def test_every_wrong_field_is_named_at_once(write: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        write(title="", content="", slug="A", language="?", tags=["a,b"])
    assert [field for field, _ in codes(caught.value)] == ["title", "content", "language", "slug", "tags"]


def test_a_post_expires_after_it_was_published(make_post: Any, change: Any, now: Any) -> None:
    post = make_post(published_at=now)
    with pytest.raises(InvalidInput) as caught:
        change(post, expires_at=now)
    assert codes(caught.value) == [("expires_at", "too_early")]
    assert change(post, expires_at=now + MINUTE).expires_at == now + MINUTE


# -- slugs ------------------------------------------------------------------------------------------------------------


def test_an_old_slug_that_a_draft_takes_goes_on_leading_to_its_post(write: Any, change: Any) -> None:
    first = change(write(title="Twice"), slug="once")
    second = write(title="Twice")
    assert second.slug == "twice"
    change(second, slug="another")
    assert dict(Redirect.objects.values_list("old_path", "post")) == {"/posts/twice": first.pk}


def test_a_slug_is_derived_from_the_title_and_numbered_when_it_is_taken(write: Any) -> None:
    assert [write(title="Über uns!").slug for _ in range(4)] == ["über-uns", "über-uns-2", "über-uns-3", "über-uns-4"]


def test_a_taken_slug_leaves_no_text_in_memory(write: Any) -> None:
    """Each attempt's error held the text until the next full collection, which texts do not bring nearer."""
    text = "a" * 900_000
    write(title="One", content=text)
    gc.disable()
    try:
        with peak_memory() as peak:
            for _ in range(8):
                write(title="One", content=text)
    finally:
        gc.enable()
    assert peak.bytes < 20_000_000


def test_a_numbered_slug_stays_within_its_limit(write: Any) -> None:
    slugs = [write(title="ж" * 200).slug for _ in range(3)]
    assert slugs == ["ж" * 200, "ж" * 198 + "-2", "ж" * 198 + "-3"]


def test_a_title_of_a_mark_alone_gets_a_slug_all_the_same(write: Any) -> None:
    assert write(title="\u0301-a").slug == "a"
    assert write(title="!!!").slug == "post"
    assert write(title="12345678-1234-1234-1234-123456789abc").slug.startswith("post-1234")


def test_the_thousandth_twin_costs_few_queries(write: Any, author: User, django_assert_max_num_queries: Any) -> None:
    slugs = ["same", *(f"same-{n}" for n in range(2, 1_001))]
    Post.objects.bulk_create(Post(title="Same", slug=slug, content="a", author=author) for slug in slugs)
    with django_assert_max_num_queries(45):
        assert write(title="Same").slug == "same-1001"


def test_a_chosen_slug_that_is_taken_is_a_duplicate(write: Any, change: Any) -> None:
    first, second = write(slug="taken"), write(slug="free")
    for act in (lambda: write(slug="taken"), lambda: change(second, slug="taken")):
        with pytest.raises(Duplicate) as caught:
            act()
        assert (caught.value.code, caught.value.field) == ("duplicate", "slug")
    assert set(Post.objects.values_list("slug", flat=True)) == {first.slug, "free"}


def test_an_old_slug_goes_on_leading_to_the_post(write: Any, change: Any) -> None:
    post = write(slug="one")
    for slug in ("two", "three", "one"):
        post = change(post, slug=slug)
    assert dict(Redirect.objects.values_list("old_path", "post")) == {"/posts/two": post.pk, "/posts/three": post.pk}


def test_an_old_slug_of_anothers_post_goes_on_leading_there(
    write: Any, change: Any, make_post: Any, make_user: Any, now: Any
) -> None:
    """An author took the old addresses of others, and those that editors had given, by naming a post so for a while."""
    mine = change(write(slug="one"), slug="two")
    other = make_user("author", username="other")
    theirs = make_post(slug="elsewhere", by=other)
    for slug in ("one", "three"):
        theirs = update_post(actor=other, post=theirs, changes={"slug": slug}, now=now)
    assert Redirect.objects.get(old_path="/posts/one").post == mine
    trash_post(actor=other, post=theirs, now=now)
    assert Redirect.objects.get(old_path="/posts/one").post == mine


def test_an_old_slug_that_another_public_post_gives_up_leads_there(write: Any, change: Any, make_post: Any) -> None:
    first, second = write(slug="one"), make_post(slug="other")
    change(first, slug="two")
    second = change(second, slug="one")
    change(second, slug="three")
    assert dict(Redirect.objects.values_list("old_path", "post")) == {
        "/posts/one": second.pk,
        "/posts/other": second.pk,
    }
