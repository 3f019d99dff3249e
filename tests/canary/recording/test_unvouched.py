"""Identities that anybody can make up: one network adds a bounded number of rows, others and known people go on."""

import datetime

import pytest

from canary.core.values import Decision, Identity, Snapshot
from canary.recording import tally
from canary.recording.recorder import Seen
from canary.recording.tally import Tally
from canary.requests.queries import Counted

NOON_S = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC).timestamp()
DAY_S = 86_400.0
MOST = 3
SNAPSHOT = Snapshot(1, 5_000, "salt", stage=1)


def take(counted: Tally, kind: str, name: str, address: str = "192.0.2.1", status: int = 200, at_s: float = 0) -> None:
    decision = Decision(2, "bucket", Identity(kind, name))
    request = ("GET", "things", "/api/things", status, decision, SNAPSHOT, Counted(0))
    counted.take(Seen(0, 1_000, *request, "", None, None, "", "", address, "curl"), NOON_S + at_s)


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


def test_people_with_a_credential_are_all_recorded(counted: Tally) -> None:
    for number in range(9):
        take(counted, "user", f"u{number}")
        take(counted, "key", f"k{number}")
    assert len(names(counted)) == 18


def test_a_key_that_was_refused_may_be_made_up(counted: Tally) -> None:
    for number in range(9):
        take(counted, "key", f"k{number}", status=401)
    assert len(counted.batch.seen) == 0
    assert len({row.unit for row in counted.batch.observations}) <= MOST
