"""The names of versions: which are names, where they are found in a path, and sentences with them."""

import pytest

from canary.core.names import FIRST, Names, difference_of, fault_of_names, in_names, in_roles, names_from, segment_of

SECOND = Names("2", "3")
DATES = Names("2026-01", "2026-07")


@pytest.mark.parametrize("names", [FIRST, SECOND, DATES, Names("a", "b.1"), Names("1", "x" * 16)])
def test_names_may_be_numbers_dates_and_words(names: Names) -> None:
    assert fault_of_names(names) is None


@pytest.mark.parametrize("name", ["", "a/b", "-1", "1.", "é", "v 1", "x" * 17, "1\n"])
def test_a_name_that_no_path_or_header_takes_has_a_fault(name: str) -> None:
    assert "is not a name of a version" in str(fault_of_names(Names("1", name)))


def test_two_versions_have_two_names() -> None:
    assert fault_of_names(Names("a", "A")) == "Both versions have the same name."


@pytest.mark.parametrize(
    ("names", "rest", "name"),
    [
        (FIRST, "/v1/posts", "1"),
        (FIRST, "/v3", "3"),
        (FIRST, "/v01/posts", "01"),
        (FIRST, "/v1.0/posts", None),
        (FIRST, "/v2026-01/posts", None),
        (FIRST, "/verbs", None),
        (DATES, "/v2026-07/posts", "2026-07"),
        (DATES, "/v2025-01/posts", "2025-01"),
        (DATES, "/v2026-07x", "2026-07x"),
        (Names("old", "new"), "/vnew/posts", "new"),
        (Names("old", "new"), "/vnewer/posts", None),
    ],
)
def test_a_path_names_a_version(names: Names, rest: str, name: str | None) -> None:
    found = segment_of(names).match(rest)
    assert (found and found[1]) == name


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("v2's p95 is 3.1 times v1's", "v3's p95 is 3.1 times v2's"),
        ("API v1 is gone; API v2 answers.", "API v2 is gone; API v3 answers."),
        ("api-v1-gone", "api-v2-gone"),
        ("release 2, v1.2 and v12 stay", "release 2, v1.2 and v12 stay"),
    ],
)
def test_a_sentence_of_the_core_gets_the_names_and_loses_them(sentence: str, said: str) -> None:
    assert in_names(sentence, FIRST) == in_roles(sentence, FIRST) == sentence
    assert in_names(sentence, SECOND) == said
    assert in_roles(said, SECOND) == sentence
    assert in_roles(in_names(sentence, DATES), DATES) == sentence


def test_names_stand_in_sentences_without_spaces_too() -> None:
    assert in_names("最初のv2は利用者をv1に戻します", SECOND) == "最初のv3は利用者をv2に戻します"


def test_json_has_numbers_where_names_are_numbers() -> None:
    assert [SECOND.told(1), SECOND.told(2), DATES.told(2), Names("01", "2").told(1)] == [2, 3, "2026-07", "01"]
    assert [SECOND.version_of(name) for name in ("1", "2", "3", "03")] == [0, 1, 2, 0]


def test_events_of_older_releases_have_the_first_names() -> None:
    assert names_from({}) == FIRST
    assert names_from({"names": DATES.as_json()}) == DATES


def test_settings_of_another_journey_are_told_what_to_do() -> None:
    assert difference_of(FIRST, FIRST) is None
    assert "`lifecycle advance` begins" in str(difference_of(FIRST, SECOND))
    assert "deploy those of the present one" in str(difference_of(SECOND, FIRST))
    assert 'Write CANARY["STABLE"] = "1"' in str(difference_of(FIRST, DATES))
