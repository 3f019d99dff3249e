"""A chaos can fail: each kind of loss and of wrong answer is noticed, and no right one is taken for wrong."""

import json
import time
from typing import Any

import pytest

from tests.chaos.asking import Answer, Judge
from tests.chaos.ledger import LATE_PUBLIC_S, NEVER, Ledger, Written, content_of, title_of
from tests.chaos.weather import GRACE_S, Weather

PROBLEM = {"content-type": "application/problem+json", "retry-after": "1", "api-version": "2"}
ENVELOPE = {"content-type": "application/json", "retry-after": "5", "api-version": "1"}
ID = "0197a0b0-0000-7000-8000-000000000000"


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def post(ledger: Ledger) -> Written:
    """Two revisions, of which the second was acknowledged long ago."""
    post = ledger.begin(0, ())
    ledger.acknowledge(post, ID, at=0.0)
    post.sent = 2
    post.acked.append((1.0, 2))
    return post


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    now = time.monotonic()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content, now - 0.1, now)


# -- texts -----------------------------------------------------------------------------------------------------------------


def test_the_acknowledged_revision_and_one_on_its_way_are_right(ledger: Ledger, post: Written) -> None:
    post.sent = 3
    for revision in (2, 3):
        ledger.judge_text(ID, title_of(0, revision), content_of(0, revision), began_at=10)
    assert ledger.wrong == []


@pytest.mark.parametrize(
    ("title", "content"),
    [
        (title_of(0, 1), content_of(0, 1)),  # an older one
        (title_of(0, 3), content_of(0, 3)),  # one that nobody sent
        (title_of(0, 2), content_of(0, 1)),  # half of the one and half of the other
        (title_of(1, 2), content_of(1, 2)),  # another post's
        ("Something else", "Something else"),
    ],
)
def test_every_other_text_is_wrong(ledger: Ledger, post: Written, title: str, content: str) -> None:
    ledger.judge_text(ID, title, content, began_at=10)
    assert len(ledger.wrong) == 1


def test_an_older_text_is_right_in_a_read_that_began_before_or_may_come_from_a_cache(
    ledger: Ledger, post: Written
) -> None:
    ledger.judge_text(ID, title_of(0, 1), content_of(0, 1), began_at=0.5)
    ledger.judge_text(ID, title_of(0, 1), content_of(0, 1), began_at=10, late_s=LATE_PUBLIC_S)
    assert ledger.wrong == []


def test_an_id_that_two_creations_got_is_wrong(ledger: Ledger, post: Written) -> None:
    ledger.acknowledge(ledger.begin(0, ()), ID, at=2.0)
    assert len(ledger.wrong) == 1


@pytest.mark.parametrize(
    ("public_at", "hidden_at", "status", "faults"),
    [
        (NEVER, 0.0, 200, 1),  # a draft is shown
        (NEVER, 0.0, 404, 0),
        (5.0, NEVER, 404, 1),  # a public post is not found
        (5.0, NEVER, 200, 0),
        (NEVER, NEVER, 200, 0),  # on its way
        (NEVER, NEVER, 404, 0),
        (NEVER, 99.0, 200, 0),  # hidden just now, and shown from a cache
    ],
)
def test_hidden_posts_are_hidden_and_public_ones_public(
    ledger: Ledger, post: Written, public_at: float, hidden_at: float, status: int, faults: int
) -> None:
    post.public_at, post.hidden_at = public_at, hidden_at
    ledger.judge_visibility(post, ledger.stands(post), status, began_at=100.0)
    assert len(ledger.wrong) == faults


def test_a_post_that_was_published_during_the_read_may_be_found_or_not(ledger: Ledger, post: Written) -> None:
    before = ledger.stands(post)
    post.public_at, post.hidden_at = 50.0, NEVER
    for status in (200, 404):
        ledger.judge_visibility(post, before, status, began_at=100.0)
    assert ledger.wrong == []


def test_a_creation_that_is_sent_twice_has_to_get_the_same_id(ledger: Ledger, post: Written) -> None:
    ledger.acknowledge(post, ID, at=2.0)
    assert ledger.wrong == []
    ledger.acknowledge(post, ID.replace("7", "8"), at=3.0)
    assert len(ledger.wrong) == 1


# -- statuses --------------------------------------------------------------------------------------------------------------

OUTAGES = [
    answer(503, {"status": 503}, **{name.replace("-", "_"): value for name, value in PROBLEM.items()}),
    answer(503, {"success": False}, **{name.replace("-", "_"): value for name, value in ENVELOPE.items()}),
    answer(502, b"<center>nginx</center>"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=["v2", "v1", "proxy"])
def test_an_outage_in_shape_is_right_during_a_fault_that_excuses_it_and_wrong_without(
    ledger: Ledger, outage: Answer
) -> None:
    weather = Weather()
    judge = Judge(ledger, weather)
    with weather.spell("kill web-1", frozenset({502, 503})):
        assert not judge.accept("read", "GET /", answer(outage.status, outage.body, **_named(outage)), {200})
    assert ledger.wrong == []
    judge.accept("read", "GET /", Answer(outage.status, outage.headers, outage.body, 1e9, 1e9), {200})
    assert len(ledger.wrong) == 1


def _named(outage: Answer) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in outage.headers.items()}


@pytest.mark.parametrize(
    "wrong",
    [
        answer(500, {"status": 500}, content_type="application/problem+json"),
        answer(503, {"status": 503}, content_type="application/problem+json"),  # without Retry-After
        answer(503, b"<h1>Server Error (500)</h1>", content_type="text/html", retry_after="1"),
        answer(502, b"Traceback"),
        answer(401, {"status": 401}),
    ],
    ids=["500", "no retry", "page", "not the proxy", "401"],
)
def test_no_fault_excuses_a_crash_an_outage_out_of_shape_or_a_refusal(ledger: Ledger, wrong: Answer) -> None:
    weather = Weather()
    with weather.spell("everything", frozenset({500, 502, 503})):
        assert not Judge(ledger, weather).accept("read", "GET /", wrong, {200})
    assert len(ledger.wrong) == 1


def test_a_fault_excuses_its_own_kind_of_request_and_that_for_a_little_longer_than_it_lasts() -> None:
    weather = Weather()
    with weather.spell("disk-media", frozenset({503}), frozenset({"upload"})) as spell:
        pass
    ended = spell.ended_at
    assert weather.excuses(503, "upload", ended + GRACE_S - 1, ended + GRACE_S)
    assert not weather.excuses(503, "upload", ended + GRACE_S + 1, ended + GRACE_S + 2)
    assert not weather.excuses(503, "read", ended, ended)
    assert not weather.excuses(502, "upload", ended, ended)


def test_a_request_without_an_answer_is_wrong_unless_a_killed_process_had_it_in_hand(ledger: Ledger) -> None:
    weather = Weather()
    with weather.spell("kill web-1", frozenset({502})) as spell:
        Judge(ledger, weather).miss("read", "GET /", TimeoutError("cut"), spell.began_at)
    Judge(ledger, Weather()).miss("read", "GET /", TimeoutError("late"), 0.0)
    assert ledger.wrong == ["GET / got no answer: TimeoutError('late') (faults: none)"]


@pytest.mark.parametrize(
    ("fault", "problem", "is_right"),
    [
        (502, "invalid-transition", True),
        (503, "invalid-transition", False),  # of the database: the proxy repeats nothing
        (502, "conflict", False),
    ],
)
def test_the_proxy_repeats_only_what_a_dying_web_process_had_in_hand(
    ledger: Ledger, fault: int, problem: str, is_right: bool
) -> None:
    judge = Judge(ledger, Weather())
    with judge.weather.spell("kill web-1 child", frozenset({fault})):
        refused = answer(409, {"type": f"urn:problem-type:tandem:{problem}"})
        assert judge.may_be_a_repeat("write", refused) is is_right
