"""What needs no statistics: repeated statements that v1 doesn't repeat, and differences in shadow reads."""

import pytest

from canary.core.findings import new_repeats, sentence_of_gaps, sentence_of_repeat
from canary.core.judgements import QueryRepeat, ShadowGap


def repeat(
    api_version: int, times: int, *, fingerprint: str = "aa11", requests: int = 3, route: str = "GET /posts"
) -> QueryRepeat:
    return QueryRepeat(api_version, route, fingerprint, times, requests)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([repeat(2, 5)], [4], id="new on v2"),
        pytest.param([repeat(2, 4)], [], id="too few times"),
        pytest.param([repeat(2, 50, requests=2)], [], id="in too few requests"),
        pytest.param([repeat(1, 50)], [], id="on v1 alone"),
        pytest.param([repeat(2, 20), repeat(1, 20)], [], id="the same on both"),
        pytest.param([repeat(2, 20), repeat(1, 14)], [], id="about as often on v1"),
        pytest.param([repeat(2, 20), repeat(1, 13)], [7], id="much more often than on v1"),
        pytest.param([repeat(2, 20), repeat(1, 20, route="GET /tags")], [19], id="v1 repeats it on another route"),
        pytest.param([repeat(2, 20), repeat(1, 20, fingerprint="bb22")], [], id="v1's names other columns"),
        pytest.param([repeat(2, 20), repeat(1, 20), repeat(2, 9, fingerprint="cc33")], [8], id="one known and one new"),
        pytest.param(
            [repeat(2, 9, fingerprint="cc33"), repeat(2, 30), repeat(1, 10, fingerprint="bb22")],
            [20, 8],
            id="two new for one of v1, the worst first",
        ),
    ],
)
def test_a_statement_that_v2_alone_repeats_is_found(found: list[QueryRepeat], expected: list[int]) -> None:
    assert [new.more for new in new_repeats(found)] == expected


def test_the_sentence_names_route_statement_and_how_many_queries_more() -> None:
    sentence = sentence_of_repeat(new_repeats([repeat(2, 21, requests=4)])[0])
    for part in ("GET /posts", "aa11", "+20 queries", "in 4 requests", "rule: "):
        assert part in sentence


def test_the_sentence_names_the_most_frequent_difference() -> None:
    gaps = [ShadowGap("GET /tags", "[].name", "value", 2), ShadowGap("GET /posts", "items[].author", "missing", 7)]
    sentence = sentence_of_gaps(gaps)
    assert "2 places" in sentence
    assert "GET /posts at items[].author (missing, 7 reads), and 1 more" in sentence
