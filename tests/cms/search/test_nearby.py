"""The parts of a text around what was asked for: whatever is found in the whole text is found in them too."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.search.english import english_key, stem
from cms.search.nearby import parts_near
from cms.search.queries import parse_query
from cms.search.words import Word, spell, unspell, words_of

PIECES = st.sampled_from(
    [*" .-_'\u00ad…", "日本", "本語", "東京2025年", "ﾊﾞｽ", "㍻", "café", "Agencies", "dying", "skies", "a", "of", "state",
     "Straße", "ﬁne", "вода", "ёлка", "한국어", "18e6x", "zq", "tower東京"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join).map(lambda text: unicodedata.normalize("NFC", text))


@given(TEXTS, st.lists(PIECES, min_size=1, max_size=3).map(" ".join), st.booleans())
def test_each_word_with_which_a_form_begins_is_in_a_part(text: str, query: str, is_in_english: bool) -> None:
    def key_of(word: Word) -> str:
        return english_key(word.key) if is_in_english else word.key

    forms = [form for term in parse_query(query).required for form in term.forms]
    parts = list(parts_near(text, forms, is_in_english=is_in_english, characters=10**6))
    assert parts == sorted(parts)
    for form in forms:
        first = form.keys[0]
        is_begun = form.is_prefix and len(form.keys) == 1
        found = [word for word in words_of(text) if key_of(word) == first or (is_begun and word.key.startswith(first))]
        for word in found:
            assert any(start <= word.start and word.end <= end for start, end in parts), (word, parts)


@pytest.mark.parametrize(("query", "text"), [("needle", "…needle " * 90), ("検索", "検索" * 300), ("ﾊﾞ", "ﾊﾞｽ" * 300)])
def test_parts_are_no_longer_together_than_they_may_be(query: str, text: str) -> None:
    forms = [form for term in parse_query(query).required for form in term.forms]
    parts = list(parts_near(text, forms, is_in_english=False, characters=100))
    assert 100 <= sum(end - start for start, end in parts) <= 100 + len("needle ")


@given(st.text("abcdeiloprstuyz", min_size=1, max_size=9), st.sampled_from(
    ["", "s", "es", "ies", "ying", "ational", "fulness", "ization", "iviti", "bility", "eed", "edly", "ously", "ogist"]
))  # fmt: skip
def test_a_stem_but_for_two_letters_begins_its_word(beginning: str, ending: str) -> None:
    word = beginning + ending
    assert word.startswith(stem(word)[:-2])


@given(st.sampled_from(["skies", "dying", "lying", "tying", "idly", "ugly", "early", "only", "news", "exceeding"]))
def test_an_exception_of_the_stemmer_does_so_too(word: str) -> None:
    assert word[0] == stem(word)[0]
    assert word.startswith(stem(word)[:-2])


@given(PIECES)
def test_a_word_is_told_from_its_spelling(text: str) -> None:
    for word in words_of(text):
        assert spell(unspell(word.key)) == word.key
