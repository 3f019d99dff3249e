"""Slugs: what titles in any script become, and what nobody may choose."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cms import limits
from cms.text.slugs import numbered, slug_problem, slugify

texts = st.text(max_size=250)
# Characters that other characters turn into, or that meet in odd ways.
odd = st.text(alphabet="-_. ´\u0301\u0345\u200d\ufe0fİıſßẞǅ²ⅧΣς\u212a'’/A0\U0001d400\U0001f600ﷺ\u1680", max_size=30)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Hello, World!", "hello-world"),
        ("  --Trim me--  ", "trim-me"),
        ("It's Mia’s", "its-mias"),
        ("Über größere Straßen", "über-größere-straßen"),
        ("Привет, мир", "привет-мир"),
        ("日本語の題名", "日本語の題名"),
        ("हिन्दी में", "हिन्दी-में"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full-width"),
        ("Chapter Ⅳ", "chapter-iv"),
        ("C++ & C#", "c-c"),
        ("v1.2_final", "v1.2_final"),
        ("...", "post"),
        ("\U0001f600", "post"),
        ("", "post"),
        ("\u0301-a", "a"),
        ("A’\u0300", "à"),
        ("\u0301\u0301", "post"),
        ("-\u0301-\u0301-b", "b"),
        ("12345678-1234-1234-1234-123456789ABC", "post-12345678-1234-1234-1234-123456789abc"),
        ("d" * 32, "post-" + "d" * 32),
        ("12345678123412341234-123456789abc", "12345678123412341234-123456789abc"),
    ],
)
def test_a_title_becomes_a_slug(title: str, slug: str) -> None:
    assert slugify(title, fallback="post") == slug


@given(texts | odd)
def test_a_derived_slug_is_always_a_good_one(text: str) -> None:
    slug = slugify(text, fallback="post")
    assert slug_problem(slug) is None
    assert re.search(limits.SLUG_PATTERN, slug)
    assert not re.search(limits.SLUG_EDGE_PATTERN, slug)
    assert not re.search(limits.UUID_PATTERN, slug)


@given(texts | odd)
@example("A’\u0300")
def test_a_slug_of_a_slug_is_itself(text: str) -> None:
    slug = slugify(text, fallback="post")
    assert slugify(slug, fallback="post") == slug


@given(texts | odd, st.integers(2, 10**9))
def test_a_numbered_slug_is_a_good_one_and_tells_numbers_apart(text: str, number: int) -> None:
    slug = slugify(text, fallback="post")
    assert slug_problem(numbered(slug, number)) is None
    assert numbered(slug, number) != numbered(slug, number + 1)


@given(texts | odd)
def test_what_the_check_lets_pass_the_database_takes(slug: str) -> None:
    if slug_problem(slug) is None:
        assert re.search(limits.SLUG_PATTERN, slug)
        assert not re.search(limits.SLUG_EDGE_PATTERN, slug)
        assert not re.search(limits.UUID_PATTERN, slug)


@pytest.mark.parametrize(
    "slug", ["a", "7", "ж" * 200, "a.b_c-d", "日本", "a--b", "12345678-1234", "deadbeef", "2\ufe0f\u20e3"]
)
def test_a_good_slug_has_no_problem(slug: str) -> None:
    assert slug_problem(slug) is None


@pytest.mark.parametrize(
    ("slug", "word"),
    [
        ("", "1 to 200"),
        ("a" * 201, "1 to 200"),
        ("Ä", "lower-case"),
        ("a b", "lower-case"),
        ("a\u00a0b", "lower-case"),
        ("a/b", "lower-case"),
        ("a%20b", "lower-case"),
        ("a\n", "lower-case"),
        ("a\x00", "lower-case"),
        ("a\u200db", "lower-case"),
        ("\U0001f600", "lower-case"),
        ("-a", "neither begins"),
        ("a.", "neither begins"),
        ("_", "neither begins"),
        ("\u0301a", "begins with a letter"),
        ("12345678-1234-1234-1234-123456789abc", "UUID"),
        ("0" * 32, "UUID"),
    ],
)
def test_a_bad_slug_has_a_sentence(slug: str, word: str) -> None:
    assert word in (slug_problem(slug) or "")
