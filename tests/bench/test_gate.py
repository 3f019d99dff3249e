"""The gate against slowness: what it makes of pairs of measurements, and that it finds what is planted and nothing else."""

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from canary.shadow.writes import sampling
from tests.bench import gate, shadow_writes
from tests.bench.gate_servers import CASES, FLOOR
from tests.bench.gate_statistics import RELEVANT, judge
from tests.servers import ROOT, clean_environment
from tests.session import ENGINES
from tests.test_gates import APPS, copied

ROUNDS = 24
# By what pairs of the same code scatter on a quiet and on a very busy machine, and how often one is far off.
SCATTERS = (0.02, 0.08)
FAR_OFF, HOW_OFTEN = 0.4, 0.1


def series(rng: random.Random, ratio: float, scatter: float) -> list[tuple[float, float]]:
    def one() -> float:
        stray = rng.choice((-FAR_OFF, FAR_OFF)) if rng.random() < HOW_OFTEN else 0
        return math.exp(rng.gauss(0, scatter) + stray)

    return [(0.003, 0.003 * ratio * one()) for _ in range(ROUNDS)]


def found_of_200(ratio: float, scatter: float) -> int:
    """How often all series in a row say slower, as the gate wants it."""
    rng = random.Random(f"{ratio} {scatter}")
    return sum(
        all(judge(series(rng, ratio, scatter)).is_slower(RELEVANT) for _ in range(1 + gate.CONFIRMED))
        for _ in range(200)
    )


@pytest.mark.parametrize("scatter", SCATTERS)
def test_what_is_as_fast_as_before_is_never_called_slower(scatter: float) -> None:
    assert found_of_200(1.0, scatter) == 0
    assert found_of_200(0.8, scatter) == 0


@pytest.mark.parametrize("scatter", SCATTERS)
def test_a_fifth_more_is_found_through_the_noise(scatter: float) -> None:
    assert found_of_200(1.2, scatter) >= 170


def test_what_is_slower_by_less_than_what_matters_is_let_pass() -> None:
    verdict = judge([(1.0, 1.05 + place / 1_000) for place in range(ROUNDS)])
    assert verdict.low > 1
    assert 1.05 < verdict.ratio < 1 + RELEVANT
    assert not verdict.is_slower(RELEVANT)
    assert verdict.is_slower(0.04)


@pytest.mark.parametrize(("cost", "is_below"), [(1.6, False), (1.75, True)])
def test_a_floor_is_a_share_of_the_other_sides_work(cost: float, is_below: bool) -> None:
    verdict = judge([(1.0, cost + place / 1_000) for place in range(ROUNDS)])
    assert verdict.is_below(FLOOR) is is_below


def test_writes_alone_are_held_against_plain_rest_framework() -> None:
    assert {case.row: case.rival for case in CASES if case.has_floor} == {"create": "drf", "edit": "drf"}
    assert CASES[0].name == "v2 workload"
    assert {each.name for each in CASES} >= {"v2 warm detail", "v2 cold include", "v2 search", "v1 list"}


def test_the_bounds_are_those_that_counting_by_hand_gives() -> None:
    """Of ten pairs' ranks the sums 0 to 5 come about in 1+1+1+2+2+3 of 1,024 ways, the next in 4 more: .0098 and .0137."""
    logs = [place / 100 for place in range(1, 11)]
    means = sorted((one + other) / 2 for place, one in enumerate(logs) for other in logs[place:])
    verdict = judge([(1.0, math.exp(log)) for log in logs])
    assert math.log(verdict.low) == pytest.approx(means[5])
    assert math.log(verdict.high) == pytest.approx(means[-6])


def test_a_window_of_writers_begins_when_the_sampler_takes_turns() -> None:
    assert sampling.HOLD_S * (1 + max(sampling.RESTS)) <= shadow_writes.SETTLE_S


def test_too_few_pairs_tell_nothing() -> None:
    with pytest.raises(ValueError, match="6 pairs"):
        judge([(1.0, 2.0)] * 6)


# -- the whole gate ---------------------------------------------------------------------------------------------------

EXTRA_QUERY = ("post = find_post(", "Post.objects.filter(slug=uuid).exists()\n        post = find_post(")
A_FIFTH_MORE = """
import time


def burning(environ, start_response, within=application):
    began = time.thread_time()
    answer = within(environ, start_response)
    until = time.thread_time() + (time.thread_time() - began) / 5
    while environ["PATH_INFO"] == "/api/v1/posts" and time.thread_time() < until:
        pass
    return answer


application = burning
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Copies, for somebody may be editing the project."""
    if ENGINES.database_url is None or ENGINES.redis_url is None:
        pytest.skip("it measures PostgreSQL and Redis, which were not found")
    folder = tmp_path_factory.mktemp("gate")
    base, head = (copied(folder / name, *APPS) for name in ("base", "head"))
    return base, head


def run_gate(base: Path, head: Path, *cases: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.gate", "--base-tree", str(base), "--head", str(head)]
    command += ["--posts", "300", "--only", *cases]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment({}), capture_output=True, text=True, timeout=1_500, check=False
    )


@pytest.mark.soak
def test_an_extra_query_and_a_fifth_more_cpu_are_found_and_nothing_else(trees: tuple[Path, Path]) -> None:
    base, head = trees
    view, wsgi = head / "api_v1/views/posts.py", head / "cms/wsgi.py"
    sound = {path: path.read_text() for path in (view, wsgi)}
    assert sound[view].count(EXTRA_QUERY[0]) >= 1
    view.write_text(sound[view].replace(*EXTRA_QUERY, 1))
    wsgi.write_text(sound[wsgi] + A_FIFTH_MORE)
    done = run_gate(base, head, "v1 detail", "v1 list", "v2 cold list")
    for path, text in sound.items():
        path.write_text(text)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SLOWER by more than its noise: v1 detail, v1 list." in done.stdout


@pytest.mark.soak
def test_a_tree_is_not_slower_than_itself(trees: tuple[Path, Path]) -> None:
    done = run_gate(*trees)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not slower." in done.stdout


def commit(folder: Path, message: str, made_at: int) -> str:
    """An empty one, made so many hours after the beginning."""
    when = f"{1_700_000_000 + made_at * 3_600} +0000"
    env = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "GIT_CONFIG_GLOBAL": os.devnull}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return git(folder, *who, "commit", "-q", "--allow-empty", "-m", message, **env) or git(folder, "rev-parse", "HEAD")


def git(folder: Path, *words: str, **env: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env=clean_environment(env), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_on_main_it_looks_back_half_a_day_and_on_a_branch_to_where_that_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ROOT", tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    first = commit(tmp_path, "first", 0)
    with pytest.raises(gate.NoBase):
        gate.default_base()
    commits = [commit(tmp_path, f"{hours} hours later", hours) for hours in (1, 10, 20, 21)]
    assert gate.default_base() == commits[0]  # 20 hours before, for the next one is 11
    git(tmp_path, "checkout", "-q", "-b", "branch")
    commit(tmp_path, "on a branch", 40)
    assert gate.default_base() == commits[-1]
    git(tmp_path, "checkout", "-q", "-B", "main", commits[1])
    assert gate.default_base() == first  # all of it is younger than half a day
    (tmp_path / "file").write_text("")
    git(tmp_path, "add", "file")
    assert gate.default_base() == commits[1]


def test_without_a_revision_to_compare_with_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, code in (("--base", "nosuchrevision"), 0), (("--base", "nosuchrevision", "--require-base"), 1):
        monkeypatch.setattr(sys, "argv", ["gate", *words])
        assert gate.main() == code
        assert "Nothing was compared" in capsys.readouterr().err
