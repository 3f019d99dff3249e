"""`canary debt`: how many rows hold what v1 can't show, by the features that a site declares."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from canary.core.values import parse_identity
from canary.models import ListEntry
from canary.reporting.debt import rollback_debt
from canary.services import add_to_list

pytestmark = pytest.mark.django_db


def declared(now: datetime.datetime) -> dict[str, Any]:
    """Rows of any table do: a feature is a name and a queryset."""
    rows = ListEntry.objects.order_by("pk")
    return {"none at all": rows.none(), "allowed": rows.filter(list="allow"), "late": rows.filter(added_at__gt=now)}


@pytest.fixture
def debts(rollout: Callable[..., None], now: datetime.datetime) -> None:
    rollout(DEBT=f"{__name__}.declared")
    for number in range(5):
        who = parse_identity(f"client:{number}")
        add_to_list(list="allow", identity=who, actor="user:1", reason="asked", expected_version=number, now=now)


def test_each_feature_has_its_count_and_three_examples(debts: None, run_canary: Callable[..., str]) -> None:
    told = json.loads(run_canary("debt", "--json"))
    assert [(one["feature"], one["count"], len(one["examples"])) for one in told["features"]] == [
        ("allowed", 5, 3),
        ("none at all", 0, 0),
        ("late", 0, 0),
    ]
    assert told["features"][0]["examples"][0]["name"] == "allow client:0"
    said = run_canary("debt")
    assert "v2 has 0 % now. A rollback would hide from v1's clients:" in said
    assert "  allowed: 5 rows" in said


def test_a_site_that_declares_nothing_is_told_so(rollout: Callable[..., None], run_canary: Callable[..., str]) -> None:
    assert "CANARY['DEBT'] names no features" in run_canary("debt")


def test_a_feature_costs_two_statements_at_most(
    debts: None, now: datetime.datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3 + 2 + 1):  # the rollout and its lists, then the features but the empty one
        rollback_debt(now)
