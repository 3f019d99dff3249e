"""What a search finds, in which order and with which facets; the same tests for both engines."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.models import Post
from cms.policy import SYSTEM
from cms.querysets.posts import PostQuerySet
from cms.search import SearchResults, filter_posts, results, search_posts
from cms.services.categories import create_category, update_category

type Find = Callable[..., list[str]]
type Make = Callable[..., Post]
NOBODY = AnonymousUser()


@pytest.mark.parametrize("query", ["design", "DESIGNS", "designing", "Designed the", "désign"])
def test_english_is_found_by_stem_without_case_and_accents(find: Find, make_post: Make, query: str) -> None:
    make_post(title="Found", content="We designed a form.")
    make_post(title="Other", content="We wrote a form.")
    assert find(query) == ["Found"]


def test_accents_in_the_text_make_no_difference(find: Find, make_post: Make) -> None:
    make_post(title="Résumé at the Café", language="fr")
    assert find("resume cafe") == find("RÉSUMÉ") == ["Résumé at the Café"]


def test_other_languages_are_found_by_the_word_as_it_is(find: Find, make_post: Make) -> None:
    make_post(title="Gärten und Häuser", language="de")
    assert find("garten") == find("und") == ["Gärten und Häuser"]
    assert find("gart") == []


def test_all_words_must_match_in_whatever_field(find: Find, make_post: Make) -> None:
    make_post(title="Budget", content="About rivers.", excerpt="A canal.")
    assert find("rivers canal budget") == ["Budget"]
    assert find("rivers mountains") == []


def test_a_phrase_matches_neighbours_and_knows_how_many_stop_words_are_between(find: Find, make_post: Make) -> None:
    make_post(title="Near", content="State of the art tools. Open data.")
    make_post(title="Far", content="Art of the state. Data that is open.")
    assert find('"state of the art"') == find('"open data"') == ["Near"]
    assert find('"state art"') == find('"data tools"') == []
    assert find("tools-open") == ["Near"]


def test_phrases_are_found_behind_places_that_a_tsvector_remembers(find: Find, make_post: Make) -> None:
    make_post(title="Long", content="filler words " * 20_000 + "needle haystack")
    assert find('"needle haystack"') == ["Long"]
    assert find('"haystack needle"') == []


def test_excluded_words_and_phrases_keep_a_post_out(find: Find, make_post: Make) -> None:
    make_post(title="One", content="Budget of rivers.")
    make_post(title="Two", content="Budget of roads. Open data.")
    assert find("budget -rivers") == find("budget -river") == ["Two"]
    assert find('budget -"open data"') == ["One"]
    assert sorted(find('budget -"data open"')) == ["One", "Two"]


@pytest.mark.parametrize("query", ["", "  ", "-budget", '"" -"x"', "!!!", "的", "the"])
def test_a_query_without_anything_to_look_for_finds_nothing(
    now: datetime.datetime, make_post: Make, query: str
) -> None:
    make_post(title="The budget")
    assert search_posts(query, user=NOBODY, now=now) == SearchResults()


@pytest.mark.parametrize(
    ("title", "language", "queries"),
    [
        ("東京都の全文検索2025年", "ja", ["東京", "京都", "都", "検索", "文検", "全文検索", "年", "の全", "検索2025"]),
        ("人工智能的历史", "zh", ["人工", "智能", "历史", "史", "人"]),
        ("데이터베이스를 만든다", "ko", ["데이터", "이스", "베이스", "만든", "를"]),
        ("ภาษาไทยง่าย", "th", ["ไทย", "ภาษา", "ง่าย", "ยง"]),
        ("ﾊﾞｽ停 iPhone発売", "ja", ["バス", "ス停", "iphone", "発売", "iPhone発"]),
        ("日本語 in English", "en", ["日本", "english"]),
    ],
)  # fmt: skip
def test_unspaced_scripts_are_found_by_substring(
    find: Find, make_post: Make, title: str, language: str, queries: list[str]
) -> None:
    make_post(title=title, language=language)
    make_post(title="都 京 東 索検 能智", language=language)
    assert [query for query in queries if title not in find(query)] == []
    assert find("東都") == find("能人") == find("ทไ") == []


def test_markup_and_addresses_of_links_are_not_found(find: Find, make_post: Make) -> None:
    make_post(title="Post", content="A [link](https://secretive.example/path) <strong class='x'>bold</strong>")
    assert find("link bold") == ["Post"]
    assert find("secretive") == find("strong") == find("https") == []


def test_titles_weigh_more_than_contents_and_scores_fall(now: datetime.datetime, make_post: Make) -> None:
    make_post(title="Rivers", content="About the county.", excerpt="x")
    make_post(title="Other", content="The county has rivers, and much else besides.", excerpt="x")
    hits = search_posts("rivers", user=NOBODY, now=now).hits
    assert [Post.objects.get(pk=hit.post_id).title for hit in hits] == ["Rivers", "Other"]
    assert hits[0].score > hits[1].score > 0


def test_pages_of_hits_are_disjoint_and_complete(find: Find, make_post: Make) -> None:
    for number in range(7):
        make_post(title=f"Budget {number}")
    pages = [find("budget", limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert sorted(title for page in pages for title in page) == [f"Budget {number}" for number in range(7)]


def test_facets_count_all_matches_and_not_only_the_hits(now: datetime.datetime, make_post: Make) -> None:
    water = create_category(actor=SYSTEM, fields={"name": "Water"}, now=now)
    for number in range(3):
        make_post(title=f"Budget {number}", tags=["Blue", "Old"] if number else ["Blue"], categories=[water])
    make_post(title="Other", tags=["Blue"], categories=[water])
    found = search_posts("budget", user=NOBODY, now=now, limit=1)
    assert (found.total, len(found.hits)) == (3, 1)
    assert found.facets == {"tags": [("blue", 3), ("old", 2)], "categories": [("water", 3)]}


def test_inactive_categories_are_facets_for_editors_alone(
    now: datetime.datetime, make_post: Make, editor: object
) -> None:
    closed = create_category(actor=SYSTEM, fields={"name": "Closed"}, now=now)
    make_post(title="Budget", categories=[closed])
    update_category(actor=SYSTEM, category=closed, changes={"is_active": False}, now=now)
    assert search_posts("budget", user=NOBODY, now=now).facets["categories"] == []
    assert search_posts("budget", user=editor, now=now).facets["categories"] == [("closed", 1)]


def test_what_is_looked_among_narrows_hits_total_and_facets(now: datetime.datetime, make_post: Make) -> None:
    make_post(title="Budget", tags=["Blue", "Old"])
    make_post(title="Budget page", kind="page", tags=["Blue"])
    make_post(title="Budget in green", tags=["Green"])
    tagged = Post.tags.through.objects.filter(tag__slug__in=["blue", "old"]).values("post_id")
    found = search_posts("budget", user=NOBODY, now=now, among=lambda rows: rows.posts().filter(pk__in=tagged))
    assert (found.total, found.facets["tags"]) == (1, [("blue", 1), ("old", 1)])
    assert search_posts("budget", user=NOBODY, now=now).total == 2
    assert search_posts("budget", user=NOBODY, now=now, among=lambda rows: rows.filter(kind="page")).total == 1
    assert search_posts("budget", user=NOBODY, now=now, among=PostQuerySet.none) == SearchResults()


def test_only_the_newest_are_ranked_when_too_many_match(
    now: datetime.datetime, make_post: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RANKED_MAX", 3)
    for number in range(4):
        created_at = now - datetime.timedelta(days=number)
        make_post(title=f"Budget {number}", created_at=created_at, tags=["Blue"], published_at=created_at)
    found = search_posts("budget", user=NOBODY, now=now + datetime.timedelta(seconds=1))
    assert (found.total, found.is_truncated, found.facets["tags"]) == (3, True, [("blue", 3)])
    assert "Budget 3" not in {Post.objects.get(pk=hit.post_id).title for hit in found.hits}
    Post.objects.get(title="Budget 0").delete()
    assert search_posts("budget", user=NOBODY, now=now).is_truncated is False


def test_a_list_is_filtered_by_the_same_words_and_keeps_its_order(make_post: Make) -> None:
    make_post(title="B budget")
    make_post(title="A budgets")
    make_post(title="Other")
    listed = filter_posts(Post.objects.order_by("title"), "budget -other")
    assert [post.title for post in listed] == ["A budgets", "B budget"]
    assert not filter_posts(Post.objects.all(), "-budget").exists()


def test_a_search_takes_the_same_few_statements_for_any_number_of_hits(
    now: datetime.datetime, make_post: Make, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(5):
        make_post(title=f"Budget {number}", tags=["Blue"])
    # The search and its posts; on PostgreSQL a setting around the search, and the savepoint of a test.
    with django_assert_max_num_queries(6):
        search_posts("budget", user=NOBODY, now=now)


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"{first}{second}" for first in "abcdefghijklm" for second in "bcdfghjklmnp"),
        "".join(chr(0x4E00 + number) for number in range(499)),
        " ".join(chr(0x4E00 + number) for number in range(250)),
    ],
    ids=["words", "a run", "characters"],
)
def test_the_longest_queries_are_answered(find: Find, make_post: Make, text: str) -> None:
    make_post(title="Long", content=f"begin {text} end")
    assert find(text) == find(f'"{text}') == find(f'"{text[:497]}"') == ["Long"]
    assert find(f'begin -"{text[:490]}"') == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.one_of(
        st.text(max_size=600),
        st.text(alphabet="ab \"'-*():|&!\\%_^~{}<>東京年ไทé\x00\ud800", max_size=60),
        st.lists(st.sampled_from(["AND", "OR", "NOT", "NEAR(", "-", '"', "a*", "the", "東", ":*", "<->", "--"])).map(
            " ".join
        ),
    )
)
def test_any_text_is_searched_without_an_error(db: None, query: str) -> None:
    found = search_posts(query, user=NOBODY, now=timezone.now())
    assert found.total == filter_posts(Post.objects.all(), query).count() == 0
