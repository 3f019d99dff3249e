"""Pairs of reads as evidence: votes against a version by errors, time and refusals, in either order."""

import math
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from canary.judging.evidence import peek
from canary.models import Observation, ShadowDifference
from canary.recording import flushing
from canary.shadow.offering import ShadowReader
from canary.shadow.reading import Outcome, Pair, Vote, prepare, read_both
from canary.shadow.refusals import prepare_refusal
from canary.shadow.watchdog import OverdueError, Watchdog
from tests.canary.seeing import weight
from tests.versions.planted_v2 import ASKED
from tests.versions.shadow.asking import Content, drain, read_of, suggested

pytestmark = pytest.mark.django_db
BOTH_ORDERS = pytest.mark.parametrize("is_v2_first", [False, True], ids=["v1-first", "v2-first"])


@BOTH_ORDERS
@pytest.mark.usefixtures("both_planted")
@pytest.mark.parametrize("what", ["mail", "cache", "connect"])
def test_a_version_that_does_more_than_read_is_stopped_and_named_in_either_order(
    what: str, is_v2_first: bool, mailoutbox: list[Any]
) -> None:
    found = suggested(what, is_v2_first=is_v2_first)
    assert (found.result, [each.group for each in found.differences]) == ("different", [("", "side_effect")])
    assert suggested(is_v2_first=is_v2_first).result == "equal"
    of_v1 = suggested(of_v1=what, is_v2_first=is_v2_first)
    assert (of_v1.result, of_v1.differences) == ("failed", ())
    assert "v1 was asked to read" in str(of_v1.error)
    assert (mailoutbox, cache.get("planted")) == ([], None)


@BOTH_ORDERS
@pytest.mark.usefixtures("both_planted")
def test_the_version_that_fails_alone_has_a_vote_against_it_in_either_order(is_v2_first: bool) -> None:
    def errors(found: Outcome) -> list[tuple[int, float]]:
        return [(vote.api_version, vote.value) for vote in found.votes if vote.metric == "pair_error"]

    places = {1: 2.0 if is_v2_first else 1.0, 2: 1.0 if is_v2_first else 2.0}
    assert errors(suggested("fail", is_v2_first=is_v2_first)) == [(2, places[2])]
    assert errors(suggested(of_v1="fail", is_v2_first=is_v2_first)) == [(1, places[1])]
    assert errors(suggested("fail", of_v1="fail", is_v2_first=is_v2_first)) == []
    assert errors(suggested(is_v2_first=is_v2_first)) == []


@pytest.mark.usefixtures("both_planted", "stored")
def test_an_outage_that_begins_between_the_reads_of_a_pair_is_a_vote_against_either_version(
    content: Content, reader: ShadowReader
) -> None:
    """Whichever the coin has asked second. In 12 pairs a fair coin is one-sided once in 2,000 times."""
    client = Client(headers={"authorization": content.author_token})
    for _ in range(12):
        ASKED.clear()
        client.get("/api/v1/search/suggest?prefix=a", headers={"x-planted": "outage", "x-planted-v1": "outage"})
        ASKED.clear()
        drain(reader)
    ASKED.clear()
    flushing.flush(is_last=True)
    votes = Observation.objects.filter(metric="pair_error").values_list("api_version", "value")
    assert (len(votes), {*votes}) == (12, {(1, 2.0), (2, 2.0)})


@BOTH_ORDERS
@pytest.mark.usefixtures("both_planted")
def test_a_version_that_takes_longer_than_is_tolerated_has_a_vote_against_it_in_either_order(is_v2_first: bool) -> None:
    for what, of_v1, version in (("dawdle", "", 2), ("", "dawdle", 1)):
        tries = (suggested(what, of_v1=of_v1, is_v2_first=is_v2_first) for _ in range(50))  # this machine may be busy
        found = next(found for found in tries if slower_of(found) == version)
        [vote] = [vote for vote in found.votes if vote.metric == "pair_time"]
        assert (vote.api_version, vote.value > 0) == (version, version == 2)
        assert (found.result, found.shared) == ("equal", "GET /search/suggest")


def slower_of(found: Outcome) -> int:
    assert found.seconds is not None
    assert max(found.seconds) >= 0.05
    return 1 if found.seconds[0] > found.seconds[1] else 2


def test_time_and_statements_are_of_the_request_that_clients_of_v2_send(content: Content) -> None:
    """As the mapping tells it, v2 is asked for names of tags and a count too."""
    for read in (read_of("/posts"), replace(read_of("/posts"), path="/api/v2/posts", api_version=2)):
        found = read_both(read, deadline_s=60.0)
        assert (found.result, found.statements) == ("equal", (3, 1))


def test_a_ratio_that_nobody_notices_is_no_vote_against_v2(content: Content) -> None:
    """v2 makes its document in four times the time of v1's file, which is a millisecond more."""
    found = (read_both(read_of("/openapi.json"), deadline_s=60.0) for _ in range(10))  # this machine may be busy
    assert any(vote.api_version == 1 and vote.value > math.log(2) for one in found for vote in one.votes)


@pytest.mark.usefixtures("both_planted", "stored")
def test_pairs_are_observations_before_anybody_is_on_v2(content: Content, reader: ShadowReader) -> None:
    client = Client(headers={"authorization": content.author_token})
    for planted in ("fail", ""):
        asked = client.get("/api/v1/search/suggest?prefix=a", headers={"x-planted": planted})
        assert asked.status_code == 200
        drain(reader)
    flushing.flush(is_last=True)
    rows = Observation.objects.filter(metric__startswith="pair_").order_by("pk")
    failed, timed = rows
    assert (failed.metric, failed.api_version, timed.metric) == ("pair_error", 2, "pair_time")
    assert {(row.route, row.weight_bp, row.is_authenticated) for row in rows} == {("GET /search/suggest", 0, True)}
    assert failed.unit == timed.unit
    evidence = peek(failed.release)
    assert (evidence.pairs.errors.against, len(evidence.pairs.routes)) == (1, 1)


@pytest.mark.usefixtures("both_planted")
def test_that_only_the_second_version_was_late_is_a_vote_and_nothing_when_the_first_was() -> None:
    def late(what: str, of_v1: str, *, is_v2_first: bool) -> list[int]:
        read = read_of("/search/suggest", "prefix=a", HTTP_X_PLANTED=what, HTTP_X_PLANTED_V1=of_v1)
        pair = prepare(read, is_v2_first=is_v2_first)
        assert isinstance(pair, Pair)
        watchdog = Watchdog("a-test")
        with pytest.raises(OverdueError):
            watchdog.run(lambda: pair.run(60.0), 1.0)
        return [vote.api_version for vote in pair.late().votes]

    assert late("spin", "", is_v2_first=False) == [2]
    assert late("", "spin", is_v2_first=True) == [1]
    assert late("spin", "", is_v2_first=True) == late("", "spin", is_v2_first=False) == []


def refused(path: str, query: str = "", status: int = 404, template: str = "", **headers: str) -> Outcome:
    read = replace(
        read_of(path, query, **headers),
        path=f"/api{path}",
        api_version=2,
        refusal=status,
        template=f"api{template or path}",
    )
    prepared = prepare_refusal(read)
    return prepared if isinstance(prepared, Outcome) else prepared.run(5.0)


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("query", ["prefix=a", "prefix=a&foo=1", "prefix=x&prefix=a&limit=0"])
def test_what_v1_answers_and_v2_refuses_also_as_v1_understood_it_is_a_wrong_refusal(query: str) -> None:
    wrong = refused("/search/suggest", query, HTTP_X_PLANTED="refuse")
    assert (wrong.result, wrong.votes) == ("refused_v2", (Vote("pair_refusal", 2, 404.0),))
    assert [each.group for each in wrong.differences] == [("200 to 404", "refusal")]


def test_what_both_refuse_is_no_wrong_refusal() -> None:
    right = refused("/posts/00000000-0000-7000-8000-000000000000", template="/posts/<str:post>")
    assert (right.result, right.votes) == ("refused_both", (Vote("pair_refusal", 1, 404.0),))
    assert refused("/tags", status=401, HTTP_AUTHORIZATION="Bearer x").result == "refused_both"


@pytest.mark.parametrize(("status", "result"), [(404, "refused_v2"), (406, "refused_once")])
def test_an_address_that_both_understand_need_not_be_refused_twice(content: Content, status: int, result: str) -> None:
    """A v2 that refuses some at random, or by a middleware. A header that v1 ignores is another matter."""
    assert refused(content.post, status=status, template="/posts/<str:post>").result == result
    assert refused("/tags", status=status).result == result


@pytest.mark.usefixtures("planted")
def test_the_same_address_is_asked_for_first_and_else_what_it_is_in_v1(content: Content) -> None:
    assert refused("/posts", "page=2", 400).result == "refused_once"
    assert refused("/me", status=401).result == "refused_both"
    planted = {"HTTP_AUTHORIZATION": content.token, "HTTP_X_PLANTED": "refuse"}
    assert refused("/me", status=404, **planted).result == "refused_v2"


def test_what_one_version_alone_declares_is_no_wrong_refusal() -> None:
    assert refused("/admin/posts", template="/(?s:.*)").result == "unmapped"
    assert refused("/media", status=401).result == "unmapped"


@pytest.mark.parametrize("query", ["", "q=", f"q={501 * 'a'}", "q=%00", "q=a&offset=1"])
def test_what_v2_is_declared_to_refuse_is_no_wrong_refusal(query: str) -> None:
    assert refused("/search", query, 400).result == "unmapped"


STRICT = (
    *("/posts?foo=1", "/posts?page=2", "/posts?limit=0", "/posts?limit=1000", "/posts?sort=bad", "/tags?foo=1"),
    *("/posts?limit=1&limit=2", "/posts?fields=bogus", "/posts?cursor=x", "POST?x=1"),
)
"""v1 answers these with 200 and v2 with 400, as their contracts say."""


@pytest.mark.usefixtures("stored")
def test_what_v1_ignores_and_v2_refuses_by_its_contract_is_no_wrong_refusal(
    content: Content, reader: ShadowReader
) -> None:
    weight(10_000)
    odd = [*((target, {}, 400) for target in STRICT), ("/posts", {"accept": "application/xml"}, 406)]
    for number, (target, headers, status) in enumerate(odd):
        path, place = target.replace("POST", content.post), f"198.51.{number}.7"
        asked = [Client().get(f"/api{version}{path}", headers=headers, REMOTE_ADDR=place) for version in ("/v1", "")]
        assert [answer.status_code for answer in asked] == [200, status], target
        drain(reader)
    flushing.flush(is_last=True)
    votes = Observation.objects.filter(metric="pair_refusal").order_by("pk").values_list("api_version", "value")
    assert list(votes) == [(1, float(status)) for _, _, status in odd]
    reader.tally.flush()
    assert not ShadowDifference.objects.exists()


@pytest.mark.usefixtures("planted", "stored")
def test_a_wrong_refusal_is_that_of_the_person_whom_v1_lets_in(content: Content, reader: ShadowReader) -> None:
    """Users of one network whose credentials v2 does not know counted as one, too few for the breaker."""
    weight(10_000)
    for headers in ({"authorization": content.author_token}, {"x-api-key": content.raw_key}, {}):
        answer = Client(headers={**headers, "x-planted": "refuse"}).get("/api/search/suggest?prefix=a")
        assert answer.status_code == 404
        drain(reader)
    flushing.flush(is_last=True)
    votes = Observation.objects.filter(metric="pair_refusal").order_by("pk").values_list("is_authenticated", "unit")
    (is_first, first), (is_second, second), (is_third, third) = votes
    assert (is_first, is_second, is_third) == (True, True, False)
    assert first == second != third


@pytest.mark.usefixtures("planted")
def test_one_request_too_many_is_rightly_refused_unless_v2_refuses_the_repeat_too() -> None:
    for planted, result in (("count", "refused_once"), ("limit", "refused_v2")):
        found = refused("/search/suggest", "prefix=a", 429, HTTP_X_PLANTED=planted)
        assert found.result == result
