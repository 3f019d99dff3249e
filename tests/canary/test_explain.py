"""`manage.py canary explain` as an operator types it."""

import json

import pytest

from tests.servers import manage

ENV = {"SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789", "DATABASE_URL": "sqlite:////nonexistent/x.db"}


def test_explain_needs_no_database_and_gives_the_fixed_shape() -> None:
    done = manage(
        *("canary", "explain", "user:42", "--salt", "api-v2:2026-12", "--json"),
        env={**ENV, "API_V2_TRAFFIC_PERCENTAGE": "13.25"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "identity": "user:42",
        "bucket": 1324,
        "weight_bp": 1325,
        "api_version": 2,
        "reason": "bucket",
    }


def test_explain_says_the_same_in_a_sentence() -> None:
    done = manage("canary", "explain", "client:a:b", env=ENV)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("client:a:b is answered by v1: reason bucket")


@pytest.mark.parametrize("arguments", [["nobody"], ["user:1", "--salt", "x" * 65], ["user:1", "--salt", ""], []])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    done = manage("canary", "explain", *arguments, env=ENV)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
