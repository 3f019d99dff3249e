"""A gate that is a SQL statement: it counts within the stage, and nothing else."""

import datetime
from collections.abc import Callable

import pytest
from django.utils import timezone

from canary.core.gates import GateResult, gates_of
from canary.gates.counting import count
from canary.gates.questions import GateFault, Question
from canary.models import Crash

pytestmark = pytest.mark.django_db(transaction=True)

STATEMENT = (
    "SELECT count(*) FROM canary_crash WHERE at >= %(since)s AND api_version = %(candidate)s"
    " AND api_version <> %(stable)s AND death NOT LIKE 'x%%'"
)

NO_NUMBERS = {
    "SELECT count(* FROM": "the statement fails: ",
    "SELECT NULL": "no single number",
    "SELECT 1, 2": "no single number",
    "SELECT 1 WHERE 1 = 2": "no single number",
    "DELETE FROM canary_crash": "the statement fails: ",
}


def counted(question: Question, sql: str = STATEMENT, **options: float) -> GateResult:
    [gate] = gates_of([{"name": "crashes", "sql": sql, "limit": 1, **options}])
    return count(gate, question)


def crash(at: datetime.datetime, api_version: int, death: str) -> None:
    Crash.objects.create(worker=death, death=death, release=1, stage=1, at=at, api_version=api_version, requests=1)


def test_what_the_stage_has_seen_is_counted(ask_about: Callable[[], Question]) -> None:
    question = ask_about()
    for minutes, version in ((-1, 2), (0, 2), (1, 2), (1, 1)):
        crash(question.since + datetime.timedelta(minutes=minutes), version, f"{minutes} {version}")
    assert counted(question) == GateResult("hold", 2.0, "2 counted, limit 1")
    assert counted(question, limit=2) == GateResult("pass", 2.0, "2 counted, limit 2")
    assert counted(question, harm=1) == GateResult("harm", 2.0, "2 counted, harm above 1")


def test_anything_but_a_number_is_a_fault_and_nothing_is_written(ask_about: Callable[[], Question]) -> None:
    crash(timezone.now(), 2, "one")
    for sql, said in NO_NUMBERS.items():
        with pytest.raises(GateFault, match=said):
            counted(ask_about(), sql)
    assert Crash.objects.count() == 1


def test_a_statement_that_takes_too_long_is_ended(ask_about: Callable[[], Question]) -> None:
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000) SELECT count(*) FROM n"
    )
    with pytest.raises(GateFault, match="the statement fails"):
        counted(ask_about(), endless, timeout_s=0.1)
