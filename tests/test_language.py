"""The countable rules of language: each finds a text that is planted, and lets be what was there before."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.language.__main__ import KNOWN, check, forget
from scripts.language.rules import AVOIDED, faults_of_file, faults_of_subjects

ROOT = Path(__file__).resolve().parent.parent
LONG = " ".join(["me"] * 31)
ALLOWED = " ".join(["me"] * 30)
EXAMPLES = {
    "It is no good.": "invalid",
    "Build it anew.": "again",
    "It serves whoever asks.": "each",
    "Take whatever comes.": "each",
    "It runs ahead of Redis.": "before",
    "All pass but for one.": "unless",
    "It lets requests through.": "accept",
    "It keeps what was deleted.": "a deleted post",
    "A cookie is no identity.": "is not a",
    "It is deprecated since May.": "has been",
}
PLAIN = (
    "It is no longer here.",
    "There is no post.",
    "If v2 is no worse, go on.",
    "Not for readers but for writers.",
    "Its clock runs ahead of ours.",
    "It has been deprecated since May.",
    "Call `whatever()` or `is no x`.",
    "What is a canary?",
    "See [the rules](docs/whatever-comes-anew.md).",
    "Read e.g. the manual.",
)


def found(name: str, source: str) -> list[str]:
    return [str(fault) for fault in faults_of_file(name, source)]


# -- texts ------------------------------------------------------------------------------------------------------------


def test_every_avoided_phrase_has_an_example() -> None:
    assert len(EXAMPLES) == len(AVOIDED)


@pytest.mark.parametrize(("sentence", "instead"), EXAMPLES.items(), ids=EXAMPLES)
def test_an_avoided_phrase_is_found_in_a_document_and_in_a_comment(sentence: str, instead: str) -> None:
    (of_document,) = found("docs/x.md", f"# Title\n\nFirst sentence.\n{sentence}\n")
    assert of_document.startswith("docs/x.md:4: ")
    assert instead in of_document
    assert of_document.endswith(f": {sentence}")
    (of_comment,) = found("cms/x.py", f"x = 1  # First sentence. {sentence}\n")
    assert of_comment.startswith("cms/x.py:1: ")


@pytest.mark.parametrize("sentence", PLAIN)
def test_plain_english_is_no_fault(sentence: str) -> None:
    assert found("docs/x.md", f"{sentence}\n") == []


@pytest.mark.parametrize("sentence", ["Of three, one goes.", "What comes first wins.", "That which fails ends."])
def test_a_sentence_that_begins_with_its_end_is_found(sentence: str) -> None:
    (fault,) = found("docs/x.md", f"- First.\n- Second sentence. {sentence}\n")
    assert fault.startswith("docs/x.md:2: no sentence opens with")
    assert found("docs/x.md", f"# {sentence}\n\n| {sentence} | x |\n") == []


def test_a_long_sentence_is_found_in_prose_alone() -> None:
    (fault,) = found("docs/x.md", f"Short.\n{LONG[:47]}\n{LONG[48:]}.\n")
    assert fault == f"docs/x.md:2: 31 words in a sentence, at most 30 are allowed: {LONG}."
    code, table = f"```\n{LONG}\n```", f"| {LONG[:60]} |\n|---|\n| {LONG} |"
    assert found("docs/x.md", f"{ALLOWED}.\n\n{code}\n\n{table}\n\n- {ALLOWED}\n- {ALLOWED}\n") == []


def test_a_long_line_is_found_in_documents_and_modules() -> None:
    line = "x" * 121
    assert found("docs/x.md", f"{line}\n")[0].startswith("docs/x.md:1: 121 columns, at most 120 are allowed")
    assert found("cms/x.py", f"\n# {line[2:]}\n")[0].startswith("cms/x.py:2: 121 columns, at most 120 are allowed")
    assert found("docs/x.md", f"{line[1:]}\n\n| {line} |\n\n```\n{line}\n```\n") == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""Return it.\n\nA cookie is\nno identity.\n"""\n', 3),
        ("x = 1\n# A cookie is\n# no identity.\n", 2),
        ('class Command:\n    help = "A cookie is no identity."\n', 2),
        ('parser.add_argument("--x", help="a cookie is no identity")\n', 1),
        ('x = {"get": getting("get_post", "A cookie is no identity", "Post")}\n', 1),
        ('raise ValueError(f"{name!r} is no identity.")\n', 1),
    ],
    ids=["docstring", "comment", "help of a command", "help of an option", "summary", "sentence of an error"],
)
def test_a_fault_is_found_wherever_a_module_has_text(source: str, line: int) -> None:
    (fault,) = found("cms/x.py", source)
    assert fault.startswith(f'cms/x.py:{line}: "is no identity" is avoided, write "is not a": ')


# -- the record -------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with one document that has one recorded fault."""
    (tmp_path / "docs").mkdir()
    (tmp_path / KNOWN).parent.mkdir(parents=True)
    (tmp_path / "docs/old.md").write_text("Build it anew.\n")
    (fault,) = faults_of_file("docs/old.md", "Build it anew.\n")
    (tmp_path / KNOWN).write_text(f"{fault.digest}\n")
    return tmp_path


def test_what_was_there_before_may_stay_and_move(tree: Path) -> None:
    assert check(tree) == 0
    (tree / "docs/old.md").rename(tree / "README.md")
    assert check(tree) == 0


@pytest.mark.parametrize("name", ["docs/old.md", "docs/adr/new.md", "CHANGELOG.md", "cms/new.py", "canary/core/new.py"])
def test_what_is_new_or_changed_fails(tree: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("# Build that anew.\n")
    assert check(tree) == 1
    assert f'{name}:1: "anew" is avoided, write "again": Build that anew.' in capsys.readouterr().out


def test_the_record_only_shrinks(tree: Path) -> None:
    (tree / "docs/new.md").write_text("Take whatever comes.\n")
    before = (tree / KNOWN).read_text()
    assert forget(tree) == 0
    assert (tree / KNOWN).read_text() == before
    (tree / "docs/old.md").write_text("Build it again.\n")
    assert forget(tree) == 0
    assert (tree / KNOWN).read_text() == ""


def test_make_check_looks_at_this_tree() -> None:
    recipe = (ROOT / "Makefile").read_text().split("\ncheck:")[1].split("\n\n")[0]
    assert "\t$(PY) -m scripts.language\n" in recipe


# -- subjects of commits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        "staging: a kill leaves the process alone",
        "The controller hears a signal",
        "docs: lines",
        "docs: adds a chapter",
        "docs: added a chapter",
        "docs: adding a chapter",
        "docs: what v1 answers",
        "docs: Add a chapter",
        f"docs: add {'a' * 63}",
    ],
)
def test_a_subject_against_the_rule_is_found(subject: str) -> None:
    assert [fault.place for fault in faults_of_subjects([("1a2b3c", subject)])] == ["commit 1a2b3c"]


@pytest.mark.parametrize(
    "subject",
    [
        f"docs: add {'a' * 62}",
        "jobs, canary: touch a file from the loop",
        "api_v2: start, stop and restore a service",
        "bench-gate: process a list",
        "docs/performance.md: embed a table",
    ],
)
def test_a_subject_by_the_rule_is_right(subject: str) -> None:
    assert [*faults_of_subjects([("1a2b3c", subject)])] == []


def git(tree: Path, *words: str, at: str = "2027-01-01T00:00:00Z") -> None:
    who = {f"GIT_{role}_{part}": "somebody" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    when = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *words], cwd=tree, env=os.environ | who | when, capture_output=True, check=True)


@pytest.fixture
def repository(tree: Path) -> Path:
    """That tree with a commit from before the rules and a merge after them."""
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "Before the rules", at="2026-01-01T00:00:00Z")
    git(tree, "checkout", "-qb", "aside")
    git(tree, "commit", "-qm", "docs: add a chapter", "--allow-empty")
    git(tree, "checkout", "-q", "main")
    git(tree, "merge", "-q", "--no-ff", "-m", "Merge 1a2b3c into 4d5e6f", "aside")
    return tree


def test_commits_since_the_rules_are_looked_at(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(repository) == 0
    assert "Subjects of commits: 0 to fix among 1." in capsys.readouterr().out
    git(repository, "commit", "-qm", "docs: added a chapter", "--allow-empty")
    assert check(repository) == 1
    assert 'a subject is "area: imperative verb object": docs: added a chapter' in capsys.readouterr().out


@pytest.mark.parametrize("place", ["shallow", "inside another", "without"])
def test_a_tree_without_its_history_says_so_and_fails_only_where_it_is_required(
    place: str, repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = repository / "docs/tree" if place == "inside another" else repository.with_name(f"{repository.name}-copy")
    git(repository, "clone", "-q", "--depth", "1", repository.as_uri(), str(target))
    if place != "shallow":
        shutil.rmtree(target / ".git")
    if place == "without":
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    assert check(target) == 0
    assert "Subjects of commits: not looked at" in capsys.readouterr().out
    monkeypatch.setenv("REQUIRE_HISTORY", "1")
    assert check(target) == 1


def test_the_job_that_checks_has_the_whole_history_and_requires_it() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["check"]
    assert job["env"]["REQUIRE_HISTORY"] == "1"
    assert job["steps"][0]["with"]["fetch-depth"] == 0
