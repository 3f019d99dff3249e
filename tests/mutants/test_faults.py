"""The list of planted faults keeps up with the code, and the verdict on a fault is the tests' own."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.databases import NO_POSTGRESQL
from tests.mutants.__main__ import CONCERNED, BrokenTests, noticed_by, report, stages_of
from tests.mutants.planting import LISTS, Fault, NowhereToPlant, faults
from tests.mutants.trees import ROOT, SOUND, Tree
from tests.session import ENGINES
from tests.slow import slow

FAULT = Fault("weights.py", "a + b", "a - b", "Weights are wrong.")
CODE = "def total(a, b):\n    return a + b\n"


@pytest.mark.parametrize("name", LISTS)
def test_every_fault_has_its_place_in_the_code_of_today(name: str) -> None:
    for fault in faults(name):
        source = (ROOT / fault.path).read_text()
        assert ast.dump(ast.parse(fault.plant(source))) != ast.dump(ast.parse(source)), fault


def test_a_hundred_faults_are_planted_in_every_package_and_forty_in_the_core() -> None:
    planted, in_core = faults("faults"), faults("core_faults")
    assert (len({*planted}), len({*in_core})) == (100, 40)
    assert {fault.path.split("/")[0] for fault in planted} == CONCERNED.keys()
    assert all(fault.why for fault in planted)
    assert len({fault.path for fault in in_core}) >= 20


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_faults_is_sorted_by_path(name: str) -> None:
    paths = [fault.path for fault in faults(name)]
    assert paths == sorted(paths)


@pytest.mark.parametrize("source", ["a * b", "a + b; a + b"], ids=["gone", "twice"])
def test_a_fault_whose_place_is_not_there_once_is_named(source: str) -> None:
    with pytest.raises(NowhereToPlant, match=r"Plant it again: .*weights\.py: Weights are wrong\."):
        FAULT.plant(source)


def test_the_nearest_tests_are_asked_first_and_then_all_that_the_package_concerns() -> None:
    mirrors, folder, *rest = stages_of("cms/text/rendering.py")
    assert (mirrors, folder) == (["tests/cms/text/test_rendering.py"], ["tests/cms/text"])
    assert rest == [[f"tests/{name}"] for name in CONCERNED["cms"]]


def test_fewer_than_95_of_100_noticed_is_a_failure_that_names_the_survivors(capsys: pytest.CaptureFixture[str]) -> None:
    tried = {Fault(f"cms/{number}.py", "a", "b", f"Number {number} breaks."): number >= 6 for number in range(100)}
    assert not report("all", tried)
    said = capsys.readouterr().out
    assert said.count("nobody noticed") == 6
    assert "cms/5.py: Number 5 breaks." in said
    assert report("all", tried | dict.fromkeys([*tried][:1], True))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    """A project of one function and one test file, which a test writes."""
    if ENGINES.database_url is None or ENGINES.redis_url is None:
        pytest.skip(NO_POSTGRESQL)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")  # it has none
    (tmp_path / "weights.py").write_text(CODE)
    number = 40 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    names = (SOUND, f"mutants_{number}", f"test_mutants_{number}")
    with psycopg.connect(ENGINES.database_url, autocommit=True) as connection:
        for name in names[:2]:  # without tables, which it has none for
            connection.execute(f"CREATE DATABASE {name}")
        yield Tree(tmp_path, number, ENGINES)
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("body", "noticed"),
    [
        ("    assert total(2, 1) == 3", "test_weights.py::test_it"),
        slow("    assert total(2, 0) == 2", ""),
        slow(
            "    while total(1, 1) == 0:\n        break\n    else:\n        return\n    raise SystemExit(3)",
            "test_weights.py",
        ),
    ],
    ids=["notices", "is blind", "ends pytest"],
)
def test_a_fault_is_noticed_by_a_test_that_fails_with_it_and_passes_without(
    tree: Tree, body: str, noticed: str
) -> None:
    (tree.folder / "test_weights.py").write_text(f"from weights import total\n\n\ndef test_it():\n{body}\n")
    said = noticed_by(["test_weights.py"], FAULT, tree)
    assert said.startswith(noticed)
    assert bool(said) == bool(noticed)
    assert (tree.folder / "weights.py").read_text() == CODE


@pytest.mark.slow
def test_a_test_that_fails_without_the_fault_ends_the_run(tree: Tree) -> None:
    (tree.folder / "test_weights.py").write_text("def test_it():\n    assert 0\n")
    with pytest.raises(BrokenTests, match=r"test_weights\.py, without any fault"):
        noticed_by(["test_weights.py"], FAULT, tree)
