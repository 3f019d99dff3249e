"""Identities that anybody can make up: one network adds a bounded number of rows, others and known people go on."""

import datetime

import pytest

from canary.core.values import Decision, Identity, Snapshot
from canary.recording import tally
from canary.recording.recorder import Person, Seen
from canary.recording.tally import Tally
from canary.requests.queries import Counted

NOON_S = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC).timestamp()
DAY_S = 86_400.0
MOST = 3
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
SNAPSHOT = Snapshot(1, 5_000, "salt", stage=1)


def take(
    counted: Tally,
    kind: str,
    name: str,
    address: str = "192.0.2.1",
    status: int = 200,
    at_s: float = 0,
    person: Person | None = None,
    proof: int = 0,
) -> None:
    decision = Decision(2, "bucket", Identity(kind, name))
    request = ("GET", "things", "/api/things", status, decision, SNAPSHOT, Counted(0))
    counted.take(Seen(0, 1_000, *request, "", person, None, "", "", address, "curl", proof=proof), NOON_S + at_s)


def names(counted: Tally) -> set[str]:
    """Return those that were noted, after a look that those with an observation are the same."""
    noted = {identity.id for identity in counted.batch.seen}
    assert {tally.digest_of(identity) for identity in counted.batch.seen} == {
        row.unit for row in counted.batch.observations
    }
    return noted


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Tally:
    monkeypatch.setattr(tally, "UNVOUCHED_MAX", MOST)
    return Tally()


@pytest.mark.parametrize("kind", ["client", "anon"])
def test_a_network_adds_so_many_a_day_and_those_that_are_known_go_on(counted: Tally, kind: str) -> None:
    for number in range(9):
        take(counted, kind, f"c{number}")
        take(counted, kind, "c0")
    assert names(counted) == {"c0", "c1", "c2"}
    take(counted, kind, "other", address="198.51.100.1")
    take(counted, kind, "tomorrow", at_s=DAY_S)
    assert names(counted) == {"c0", "c1", "c2", "other", "tomorrow"}
    assert sum(cell.requests for cell in counted.batch.cells.values()) == 20


def test_the_addresses_of_one_line_are_one_network(counted: Tally) -> None:
    for number in range(9):
        take(counted, "client", f"c{number}", address=f"2001:db8:0:{number:x}::1")
    take(counted, "client", "other", address="2001:db8:1::1")
    assert names(counted) == {"c0", "c1", "c2", "other"}


def test_people_with_a_credential_are_all_recorded(counted: Tally) -> None:
    for number in range(9):
        take(counted, "user", f"u{number}", person=(f"u{number}", LONG_AGO))
        take(counted, "key", f"k{number}", person=(f"owner of k{number}", LONG_AGO))
        take(counted, "key", f"k{number}", status=404)
    assert len(counted.batch.seen) == 18
    assert len({row.identity for row in counted.batch.observations}) == 18


@pytest.mark.parametrize("status", [401, 404, 405, 429])
def test_a_key_that_no_view_knew_and_that_proves_nothing_leaves_nothing(counted: Tally, status: int) -> None:
    for number in range(9):
        take(counted, "key", f"k{number}", status=status)
    assert (len(counted.batch.seen), len(counted.batch.observations)) == (0, 0)


def test_keys_that_no_view_knew_are_so_many_a_day(counted: Tally) -> None:
    for number in range(9):
        take(counted, "key", f"k{number}", status=500)
    assert len(names(counted)) == MOST


def test_one_wrong_key_takes_no_place_of_newcomers_of_its_network(counted: Tally) -> None:
    for status in (401, 429, 500):
        for _ in range(MOST):
            take(counted, "key", "wrong", status=status)
    take(counted, "client", "new")
    assert "new" in names(counted)


def test_breakers_count_all_failures_of_a_network_that_sends_too_many_names(counted: Tally) -> None:
    for number in range(9):
        take(counted, "client", f"c{number}", status=500)
    assert [(outcome.answers, outcome.failures) for outcome in counted.batch.outcomes.values()] == [(9, 9)]


@pytest.mark.parametrize(("kind", "name"), [("user", "mia"), ("key", "k1")])
@pytest.mark.parametrize(
    ("status", "proof", "is_theirs"), [(401, 7, True), (403, 7, True), (404, 7, True), (401, 8, False), (404, 8, False)]
)
def test_a_refusal_of_the_same_credentials_is_that_of_their_person(
    counted: Tally, kind: str, name: str, status: int, proof: int, is_theirs: bool
) -> None:
    """A version that knows no credential any more, or has lost a route, refuses before it knows whose the request is."""
    for known in (7, 9):  # of two devices, by turns
        take(counted, kind, name, person=("mia", LONG_AGO), proof=known)
    take(counted, kind, name, status=status, proof=proof)
    take(counted, kind, name, status=status)  # anybody can say that it is them
    person = tally.digest_of(Identity("user", "mia"))
    refused = {key.unit: outcome.refused_reads for key, outcome in counted.batch.outcomes.items()}
    assert refused.pop(person) == is_theirs
    assert list(refused.values()) == [2 - is_theirs]


def test_whom_a_repeat_has_let_in_is_known_by_the_same_credentials_alone(counted: Tally) -> None:
    counted.know(Identity("user", "mia"), ("mia", LONG_AGO), 7)
    for status, proof in ((404, 7), (404, 8), (404, 0), (200, 7)):
        take(counted, "user", "mia", status=status, proof=proof)
    person = tally.digest_of(Identity("user", "mia"))
    reads = {key.unit: outcome.reads for key, outcome in counted.batch.outcomes.items()}
    assert (reads.pop(person), list(reads.values())) == (1, [3])
