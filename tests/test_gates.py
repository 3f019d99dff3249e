"""Each gate of `.github/workflows/` can say no: a fault is planted in a copy of the project, and what CI runs fails on it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.coverage_floors import FLOORS
from tests.databases import process_env
from tests.servers import clean_environment, manage
from tests.session import ENGINES
from tests.slow import slow

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
APPS = ("api_v1", "api_v2", "canary", "cms")
# What a test session needs apart from tests.
SESSION = (
    "__init__.py",
    "session.py",
    "engines.py",
    "servers.py",
    "forking.py",
    "buckets.py",
    "databases.py",
    "case_ids.py",
    "conftest.py",
)
WITHOUT_ENGINES = {"POSTGRES_BIN": "/nonexistent", "REDIS_BIN": "/nonexistent", "TEST_DATABASE": "sqlite"}


def copied(target: Path, *names: str) -> Path:
    for name in (*names, "manage.py", "pyproject.toml", "Makefile"):
        source, place = ROOT / name, target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(source, place)
    return target


def run(tree: Path, *command: str, engines: Mapping[str, str] = WITHOUT_ENGINES) -> subprocess.CompletedProcess[str]:
    env = clean_environment(process_env(f"sqlite:///{tree / 'db.sqlite3'}", **engines))
    # Measured, the copy would count as the project.
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        env.pop(name, None)
    env |= {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=1_800, check=False)


def make(tree: Path, target: str, *settings: str) -> subprocess.CompletedProcess[str]:
    """With the packages that are installed here, whatever the age of the lock's copy."""
    venv = ROOT / ".venv"
    if not venv.exists():
        pytest.skip("the project is not installed in .venv")
    return run(tree, "make", "-o", f"{venv}/.dev", target, f"VENV={venv}", *settings)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole project; a test takes back what it plants."""
    return copied(tmp_path_factory.mktemp("gates"), *APPS, "scripts", "tests", "docs")


@pytest.fixture
def planted(tree: Path) -> Iterator[Any]:
    """`planted("cms/x.py", "old", "new")` until the test ends."""
    sound: dict[Path, str] = {}

    def plant(name: str, old: str, new: str) -> None:
        path = tree / name
        sound[path] = path.read_text()
        assert old in sound[path]
        path.write_text(sound[path].replace(old, new, 1))

    yield plant
    for path, text in sound.items():
        path.write_text(text)


# -- the workflows ----------------------------------------------------------------------------------------------------


def jobs() -> dict[str, dict[str, Any]]:
    return {name: job for path in WORKFLOWS for name, job in yaml.safe_load(path.read_text())["jobs"].items()}


def test_every_command_of_every_job_is_a_make_target() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    commands = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    assert len(commands) > 10
    for command in commands:
        found = re.fullmatch(r"make ([a-z-]+)( [A-Z]+=\$\{\{ matrix\.[a-z]+ \}\})*", command)
        assert found, command
        assert found[1] in targets, command


def test_no_job_goes_on_after_a_failure_or_without_end() -> None:
    for name, job in jobs().items():
        assert 0 < job["timeout-minutes"] <= {"mutants": 300, "test-all": 150}.get(name, 60), name
        assert "continue-on-error" not in str(job), name
        assert job["permissions"] == {"contents": "read"}, name


def test_what_may_not_break_is_looked_at_by_some_job() -> None:
    run = " ".join(step.get("run", "") for job in jobs().values() for step in job["steps"])
    for target in (
        "check",
        "secrets",
        "test",
        "test-all",
        "coverage",
        "mutants",
        "staging-test",
        "staging-compose",
        "audit",
        "bench-gate",
        "bench-gate-test",
    ):
        assert re.search(rf"make {target}\b(?!-)", run), target
    assert jobs()["test"]["strategy"]["matrix"] == {
        "python": ["3.12", "3.13", "3.14"],
        "postgresql": ["15", "16", "17", "18"],
        "redis": ["7", "8"],
    }


def test_no_recipe_swallows_a_failure() -> None:
    recipes = [line[1:] for line in MAKEFILE.splitlines() if line.startswith("\t")]
    assert not [line for line in recipes if re.match(r"@?-(?!-)", line) or re.search(r"\|\| *(true|:)", line)]


# -- the gates --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_test_that_fails_fails_the_suite(tmp_path: Path) -> None:
    tree = copied(tmp_path, *APPS, *(f"tests/{name}" for name in SESSION))
    (tree / "tests/test_planted.py").write_text("def test_planted() -> None:\n    assert not 1\n")
    done = make(tree, "test", "ON_SQLITE=tests/test_planted.py")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "1 failed" in done.stdout


@pytest.mark.parametrize(("calls", "code"), [("f(1)", 1), ("f(1); f(0)", 0)], ids=["half", "all"])
def test_coverage_below_its_floor_fails(tmp_path: Path, calls: str, code: int) -> None:
    (core := tmp_path / "canary/core").mkdir(parents=True)
    (core / "x.py").write_text("def f(n):\n    if n:\n        return 1\n    return 0\n")
    (tmp_path / "run.py").write_text(f"import sys\nsys.path.insert(0, 'canary/core')\nfrom x import f\n{calls}\n")
    for words in (["run", "--branch", "--include=canary/core/*", "run.py"], ["json", "-q", "-o", "found.json"]):
        assert run(tmp_path, sys.executable, "-m", "coverage", *words).returncode == 0
    done = run(ROOT, sys.executable, "-m", "scripts.coverage_floors", str(tmp_path / "found.json"))
    assert done.returncode == code, done.stdout
    assert ("LOW" in done.stdout) == bool(code)


def test_the_floors_stand_where_they_were_promised_and_end_the_recipe() -> None:
    assert FLOORS == {"": 90.0, "canary/core/": 98.0}
    recipe = MAKEFILE.split("\ncoverage:")[1].split("\n\n")[0]
    assert recipe.splitlines()[-1] == "\t$(PY) -m scripts.coverage_floors build/coverage/coverage.json"
    assert "\nbranch = true\n" in (ROOT / "pyproject.toml").read_text()


def test_a_change_that_breaks_clients_of_v2_fails(tree: Path, planted: Any) -> None:
    assert run(tree, sys.executable, "-m", "scripts.openapi").returncode == 0
    planted("docs/openapi-v2.json", '"/posts/{slug_or_id}"', '"/posts/{slug_or_id}/gone"')
    done = run(tree, sys.executable, "-m", "scripts.openapi")
    assert done.returncode == 1
    assert "gone" in done.stdout + done.stderr


def test_a_model_without_its_migration_fails(tree: Path, planted: Any) -> None:
    env = process_env(f"sqlite:///{tree / 'none.sqlite3'}")
    words = ("makemigrations", "--check", "--dry-run")
    assert manage(*words, env=env, cwd=tree).returncode == 0
    planted("cms/models/webhooks.py", "max_length=50)", "max_length=51)")
    assert manage(*words, env=env, cwd=tree).returncode == 1
    assert all(f"\t$(PY) {command}\n" in MAKEFILE for command in (f"manage.py {' '.join(words)}", "-m scripts.openapi"))


@pytest.mark.slow
def test_a_frozen_answer_that_changes_fails(tree: Path, planted: Any) -> None:
    words = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/contract/v1/test_golden.py",
        "-k",
        "info",
    )
    if ENGINES.database_url is None or ENGINES.redis_url_for("master") is None:
        pytest.skip("the contract is told on PostgreSQL and Redis, which were not found")
    sound = run(tree, *words, engines={})  # engines of its own
    assert sound.returncode == 0, sound.stdout[-3_000:]
    planted("api_v1/views/info.py", '"stable"', '"unstable"')
    drifted = run(tree, *words, engines={})
    assert drifted.returncode == 1, drifted.stdout[-3_000:]


@pytest.mark.parametrize(
    "secret",
    ["-----BEGIN RSA PRIVATE" + " KEY-----", slow("AKIA" + "IOSFODNN7EXAMPL3")],
    ids=["key", "aws"],
)
def test_a_credential_that_is_tracked_fails(tmp_path: Path, secret: str) -> None:
    copied(tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path)
    (tmp_path / "tests").mkdir()
    place = tmp_path / "tests/test_x.py"
    place.write_text("x = 1\n")
    assert run(tmp_path, "git", "init", "-q").returncode == 0
    assert run(tmp_path, "git", "add", ".").returncode == 0
    assert make(tmp_path, "secrets").returncode == 0
    place.write_text(f"x = {secret!r}\n")
    assert make(tmp_path, "secrets").returncode != 0
