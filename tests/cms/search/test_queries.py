"""Reading a query: words, phrases, exclusions, and everything else as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.search.queries import PHRASES_MAX, QUERY_MAX, TERMS_MAX, Query, parse_query
from cms.search.words import spell


def texts(query: Query) -> tuple[list[str], list[str]]:
    """What a document must contain of each term in an English text, and what it must not."""
    return tuple([term.forms[-1].text.strip() for term in terms] for terms in (query.required, query.excluded))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("typed", "required", "excluded"),
    [
        ("Designing agencies", ["design", "agenc"], []),
        ('"state of the art" -Draft', ["state - - art"], ["draft"]),
        ("“state of the art”", ["state - - art"], []),
        ('-"open data" budget', ["budget"], ["open data"]),
        ("the budget of", ["budget"], []),
        ("budget budget", ["budget"], []),
        ("e-mail", ["e mail"], []),
        ("agency's", ["agenc"], []),
        ("cats,dogs;mice", ["cat", "dog", "mice"], []),
        ('open "data', ["open", "data"], []),
        ("- -- \" * () AND OR NOT 'x' & | ! : <->", ["x"], []),
        ("title:budget", ["titl budget"], []),
        ("budget*", ["budget"], []),
        ("", [], []),
    ],
)
def test_a_query_is_read_as_words_phrases_and_exclusions(typed: str, required: list[str], excluded: list[str]) -> None:
    assert texts(parse_query(typed)) == (required, excluded)


def test_a_word_is_asked_as_its_stem_and_as_it_is() -> None:
    [term] = parse_query("Agencies").required
    assert [form.text for form in term.forms] == [" agencies ", " agenc "]


def test_stop_words_count_where_there_is_nothing_else_and_only_as_they_are() -> None:
    [term] = parse_query("the").required
    assert [form.text for form in term.forms] == [" the "]


def test_a_single_character_of_an_unspaced_script_is_the_beginning_of_a_pair() -> None:
    [term] = parse_query("京").required
    assert [(form.keys, form.is_prefix) for form in term.forms] == [((spell("京"),), True)]
    [term] = parse_query("東京").required
    assert [(form.keys, form.is_prefix) for form in term.forms] == [((spell("東京"),), False)]


def test_what_is_too_long_is_not_read() -> None:
    assert len(parse_query(" ".join(f"w{number}" for number in range(200))).required) == TERMS_MAX
    assert texts(parse_query("x" + " " * QUERY_MAX + "y")) == (["x"], [])


def test_few_phrases_are_read_and_all_words_beside_them() -> None:
    phrases = " ".join(f'"a{number} b" -"c{number} d"' for number in range(2 * PHRASES_MAX))
    asked = parse_query(f"{phrases} e -f")
    assert [sum(term.is_phrase for term in terms) for terms in (asked.required, asked.excluded)] == [PHRASES_MAX] * 2
    assert texts(asked)[0][-1] == "e"
    assert texts(asked)[1][-1] == "f"


@given(st.text(max_size=200))
def test_any_text_is_a_query_whose_forms_all_have_words(text: str) -> None:
    query = parse_query(text)
    forms = [form for term in (*query.required, *query.excluded) for form in term.forms]
    assert all(form.indexed_keys for form in forms)
    assert all(term.forms for term in query.required)
