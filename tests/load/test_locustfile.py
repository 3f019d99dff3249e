"""The load test passes on a site that is as it should be, and fails on one that isn't."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.databases import copied_database, process_env
from tests.load.__main__ import LOCUSTFILE, given, prepare, run_locust
from tests.load.ledger import Ledger, Rollout
from tests.load.stub import stub_site
from tests.measuring.site import LIMITS
from tests.servers import clean_environment, serve
from tests.session import ENGINES


def run_against(host: str, folder: Path, *options: str, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", host, "--headless", "--only-summary"]
    command += ["--users", "4", "--spawn-rate", "4", "--run-time", "4s", "--stop-timeout", "5", *options]
    env = clean_environment(given)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_a_version_that_flips_fails_the_run(tmp_path: Path) -> None:
    with stub_site(flips=True) as host:
        # One alone, who asks twice without a pause: the second answer is of the other version, whatever is drawn.
        done = run_against(host, tmp_path, "Reader", "--tags", "browse", "--users", "1")
    assert done.returncode == 1, done.stderr
    assert "version flip: answered by v" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operator", "code"), [({"LOAD_OPERATOR": "o@example.org"}, 1), ({}, 0)], ids=["own", "others'"]
)
def test_a_post_that_is_listed_and_not_found_fails_the_run_on_a_site_of_ones_own(
    tmp_path: Path, operator: dict[str, str], code: int
) -> None:
    more = operator and {**operator, "LOAD_OPERATOR_PASSWORD": "p"}
    with stub_site(breaks=True) as host:
        done = run_against(host, tmp_path, "Reader", **more)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("unexpected status 404" in done.stdout + done.stderr) == bool(code)


@pytest.mark.slow
def test_readers_need_no_credentials(tmp_path: Path) -> None:
    with stub_site() as host:
        done = run_against(host, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"Reader": 4' in done.stderr


@pytest.mark.slow
def test_a_write_that_was_acknowledged_and_lost_fails_the_run(tmp_path: Path) -> None:
    people = {"LOAD_AUTHORS": "a@example.org", "LOAD_PASSWORD": "p", "LOAD_OPERATOR": "o@example.org"}
    with stub_site() as host:
        # Who does nothing but write writes at once: none of the four seconds hang on what is drawn.
        done = run_against(host, tmp_path, "Author", "--tags", "write", **people)
    assert done.returncode == 1, done.stderr
    assert "stands 0 times" in done.stderr


def test_what_cannot_work_is_said_at_once(tmp_path: Path) -> None:
    done = run_against("http://127.0.0.1:1", tmp_path, LOAD_AUTHORS="a@example.org")
    assert done.returncode == 2
    assert "LOAD_PASSWORD is missing" in done.stderr


@pytest.mark.slow
def test_a_ramp_to_v2_and_back_under_load_loses_nothing(template_of: Callable[[str], str], tmp_path: Path) -> None:
    if ENGINES.redis_url is None:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    with copied_database(template_of("postgresql"), tmp_path) as url:
        env: Mapping[str, str] = process_env(url, REDIS_URL=ENGINES.redis_url_for("gw60") or "", **LIMITS)
        prepare(env, 100, 2)
        with serve(env) as first, serve(env) as second:
            hosts = [first.base_url, second.base_url]
            assert run_locust(hosts, 12, 10, tmp_path / "load", given(2, (0, 100, 0), 4)) == 0
    assert (tmp_path / "load/report.html").stat().st_size > 10_000
    page = (tmp_path / "load/versions.html").read_text()
    assert "All of it was read back, once." in page
    written = [int(count.replace(",", "")) for count in re.findall(r"<td>([\d,]+)</td></tr>", page)]
    assert sum(written) > 0


# -- who may be answered by which version -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "version", "before", "asked_at", "before_at", "may"),
    [
        # (asked for, in force everywhere, percent): what holds, and who was answered by what before
        ([(0, 3, 0)], "1", "", 4, 0, True),
        ([(0, 3, 0)], "2", "", 4, 0, False),
        ([(0, 3, 0), (10, 13, 50)], "2", "1", 11, 9, True),
        ([(0, 3, 0), (10, 13, 50)], "1", "2", 20, 14, False),
        ([(0, 3, 0), (10, 13, 50), (20, 23, 100)], "1", "2", 21, 14, False),
        ([(0, 3, 0), (10, 13, 50), (20, 23, 100)], "1", "1", 24, 14, False),
        ([(0, 3, 0), (10, 13, 50), (20, 23, 100), (30, 33, 0)], "1", "2", 31, 29, True),
        ([(0, 3, 0), (10, 13, 50), (20, 23, 100), (30, 33, 0)], "2", "2", 34, 29, False),
        ([(0, 3, 0), (10, 13, 50), (20, float("inf"), 0)], "2", "1", 900, 899, True),
        ([(0, 3, 0), (10.5, 13.5, 100)], "2", "1", 10, 9, True),  # it was changed before the answer came
        ([(0, 3, 0), (11.5, 14.5, 100)], "2", "1", 10, 9, False),
    ],
)
def test_a_user_of_v2_stays_there_until_the_weight_falls(
    steps: list[tuple[float, float, float]], version: str, before: str, asked_at: float, before_at: float, may: bool
) -> None:
    rollout = Rollout(has_ramp=True)
    rollout.steps = steps
    assert rollout.may_answer(version, before, asked_at, asked_at + 1, before_at) == may


@pytest.mark.parametrize(("version", "before", "may"), [("2", "1", True), ("1", "2", False), ("1", "", True)])
def test_while_others_raise_the_weight_only_the_way_back_is_a_flip(version: str, before: str, may: bool) -> None:
    assert Rollout(has_ramp=False, is_rising=True).may_answer(version, before, 2, 2.1, 1) == may


def test_the_last_edit_is_the_one_with_the_highest_version() -> None:
    ledger = Ledger()
    ledger.edited("a", 3, "third")
    ledger.edited("a", 2, "second")
    assert ledger.edits == {"a": (3, "third")}
