"""Cutting text into words: what is one word, what two spellings share, and that nothing else ever comes out."""

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.search.english import STOP_WORDS, english_key, is_english, stem
from cms.search.words import WORD_MAX, fold, keys_of, places_of, spell, words_of

SCRIPTS = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("aé́ッ東京ไทย가’-_.18e\u200c\u00adﾊﾞ")), max_size=80
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Café", "cafe"),
        ("CAFE\u0301", "cafe"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Ærøskøbing", "aeroskobing"),
        ("İstanbul", "istanbul"),
        ("Ёлка", "елка"),
        ("Ὀδυσσεύς", "οδυσσευσ"),
        ("gov\u00adern\u00adment", "government"),
        ("ﬁle", "file"),
        ("ＡＢＣ", "abc"),
        ("שָׁלוֹם", "שלום"),
        ("がぎ", "がぎ"),
        ("ﾊﾞｽ", "バス"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_case_accents_and_compatibility_forms_make_no_difference(written: str, folded: str) -> None:
    assert fold(written) == folded


def test_words_end_at_whatever_is_no_letter_digit_or_mark() -> None:
    text = "and/or, open-source snake_case it's 18f.gsa.gov (v2.0)"
    assert " ".join(keys_of(text)) == "and or open source snake case it s zd18f gsa gov v2 zd0"


def test_a_script_without_blanks_gives_its_pairs_and_its_last_character() -> None:
    assert [text for text in ("東京", "京都", "都") if spell(text) not in keys_of("東京都")] == []
    assert keys_of("東京都") == [spell("東京"), spell("京都"), spell("都")]
    assert keys_of("東京2025年") == [spell("東京"), spell("京"), "zd2025", spell("年")]


@pytest.mark.parametrize("text", ["ภาษาไทย", "한국어", "ភាសាខ្មែរ", "ひらがな", "中文"])
def test_every_script_without_blanks_is_cut_into_pairs(text: str) -> None:
    assert keys_of(text)[:-1] == [spell(text[index : index + 2]) for index in range(len(text) - 1)]


@given(SCRIPTS)
def test_any_text_gives_words_that_neither_engine_can_cut_differently(text: str) -> None:
    words = list(words_of(text))
    assert keys_of(text) == [word.key for word in words]
    assert places_of(text, lambda _: True) == [(word.start, word.end) for word in words]
    wanted = {word.key for word in words[::2]}
    assert places_of(text, wanted.__contains__) == [(word.start, word.end) for word in words if word.key in wanted]
    some = [word for word in words if word.key[0] in "aef"]
    assert places_of(text, lambda key: key[0] in "aef", "fae") == [(word.start, word.end) for word in some]
    assert all(re.fullmatch(r"[a-z][a-z0-9]*", word.key) for word in words)
    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert all(len(word.key) <= 4 * WORD_MAX + 2 for word in words)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_a_stem_has_the_first_letter_of_its_word(word: str) -> None:
    assert stem(word)[0] == word[0]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Maps, comma maps_map", [(0, 4), (12, 16), (17, 20)]),
        ("“maps” — çmaps maps’ map", [(1, 5), (15, 19), (21, 24)]),
        ("re\u00admap \u00admaps ｍaps", [(8, 12), (13, 17)]),
        ("m\u0301aps 2maps ém maps東京", [(0, 5), (15, 19)]),
    ],
)
def test_places_of_words_by_their_first_letter(text: str, places: list[tuple[int, int]]) -> None:
    found = places_of(text, {"map", "maps"}.__contains__, {"m"})
    assert found == places == places_of(text, {"map", "maps"}.__contains__)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_word_begins_with_another_exactly_when_its_spelling_does(text: str, other: str) -> None:
    for word in map(fold, text.split()):
        for begin in (word[:1], *map(fold, other.split())):
            if begin and word.isascii() == begin.isascii():
                assert spell(word).startswith(spell(begin)) == word[:WORD_MAX].startswith(begin[:WORD_MAX])


def test_english_words_of_one_stem_are_one() -> None:
    assert {stem(word) for word in ("design", "designs", "designed", "designing")} == {"design"}
    assert {english_key(word) for word in ("agency", "agencies")} == {"agenc"}
    assert {english_key(word) for word in STOP_WORDS} == {"-"}


def test_what_is_not_a_to_z_has_no_stem() -> None:
    assert [stem(word) for word in ("zd18s", spell("книгами"), "covid19s")] == ["zd18s", spell("книгами"), "covid19s"]


def test_english_is_every_tag_whose_first_part_is_en() -> None:
    assert [tag for tag in ("en", "en-GB", "EN-us", "enm", "de", "sl") if is_english(tag)] == ["en", "en-GB", "EN-us"]


def test_made_up_words_leave_little_memory_behind() -> None:
    """A process remembers 100,000 words: 148 MB of long ones, 45 MB of the longest that it remembers."""
    keys_of("жж")
    tracemalloc.start()
    try:
        for number in range(2_000):
            keys_of(f"{number:04}{'ж' * 252}")
        assert tracemalloc.get_traced_memory()[0] < 2_000 * 256 * 2  # bytes of the words alone, were they kept
    finally:
        tracemalloc.stop()
