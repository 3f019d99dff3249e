"""The day v1 is deleted, rehearsed in a copy: what CONTRIBUTING says is done, and what is left works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import process_env
from tests.servers import clean_environment

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("api_v1", "tests/api_v1", "tests/contract/v1", "tests/versions", "tests/mixed", "tests/rehearsal")
WIRING = ("cms/settings.py", "pyproject.toml", "Makefile", "Dockerfile")
# `api_v1` as a member of a list or a dict: with its key before it, in quotes or as a word among others.
MEMBER = re.compile(r"""(?:(?:\d|"[A-Z_]+"): )?"api_v1[\w.]*"(?:, )?|[ ](?:tests/)?api_v1\b""")
QUICK = ("tests/api_v2/test_posts.py", "tests/api_v2/test_http.py", "tests/test_docs.py")


def without_v1(text: str) -> str:
    """A line that is about v1 alone goes, from a longer one the word goes."""
    kept = []
    for line in text.splitlines(keepends=True):
        rest = MEMBER.sub("", line)
        if rest == line or re.search(r"\w", rest.removeprefix("COPY")):
            kept.append(rest)
    return "".join(kept)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without v1: the tracked files and those that are about to be."""
    target = tmp_path_factory.mktemp("without-v1")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        source = ROOT / name
        if source.is_file() and not name.startswith(tuple(f"{folder}/" for folder in FOLDERS)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
    for name in WIRING:
        path = target / name
        path.write_text(without_v1(path.read_text()))
    return target


def run(copy: Path, *command: str) -> str:
    env = process_env(f"sqlite:///{copy / 'db.sqlite3'}", MEDIA_ROOT=str(copy / "media"), TEST_DATABASE="sqlite")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=clean_environment(env) | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1_800,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    return done.stdout


def test_the_wiring_is_a_few_lines(copy: Path) -> None:
    changed = {}
    for name in WIRING:
        before, after = (ROOT / name).read_text().splitlines(), (copy / name).read_text().splitlines()
        changed[name] = len(set(before) - set(after))
        assert "api_v1" not in (copy / name).read_text(), name
    assert all(changed.values()), changed
    assert sum(changed.values()) <= 16, changed


def test_nothing_that_is_left_imports_v1(copy: Path) -> None:
    importing = re.compile(
        r"^\s*(from|import) (api_v1|tests\.api_v1|tests\.contract\.v1|tests\.versions|tests\.mixed|tests\.rehearsal)\b",
        re.MULTILINE,
    )
    assert not [str(path) for path in copy.rglob("*.py") if importing.search(path.read_text())]


@pytest.mark.slow
def test_the_checks_pass_and_no_migration_is_missing(copy: Path) -> None:
    run(copy, "manage.py", "check", "--fail-level", "WARNING")
    run(copy, "manage.py", "makemigrations", "--check", "--dry-run")
    run(copy, "-c", "from importlinter.cli import lint_imports_command as lint; lint()")


def test_v2_answers_alone_and_v1_is_gone(copy: Path) -> None:
    script = """if True:
        import django; django.setup()
        from django.test import Client
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        asked = Client(headers={"host": "localhost"})
        split = asked.get("/api/posts")
        print(split.status_code, split.headers["API-Version"], asked.get("/api/v2/posts").status_code)
        print(asked.get("/api/v1/posts").status_code, asked.get("/api/posts", headers={"api-version": "1"}).status_code)
    """
    program = f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'cms.settings'\n{script}"
    assert run(copy, "-c", program).split() == ["200", "2", "200", "410", "410"]


@pytest.mark.slow
def test_the_tests_of_v2_pass(copy: Path) -> None:
    assert " passed" in run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *QUICK)
