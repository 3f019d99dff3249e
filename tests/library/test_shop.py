"""The example project from the wheel alone: its tests, and all its clients from v1 to v2, on both engines."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.databases import new_database
from tests.library.strangers import Project, copy_of_shop, run

DEMO_S = 400
PLANTED = {"RuntimeError: planted by the demonstration"}
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}


@contextlib.contextmanager
def shop_on(engine: str, python: Path, folder: Path) -> Iterator[Project]:
    with new_database(engine, folder) as url:
        told = conninfo_to_dict(url) if engine == "postgresql" else {}
        where = {VARIABLES[name]: str(value) for name, value in told.items()}
        yield copy_of_shop(folder / "shop", python, **where)


def test_it_has_no_complaint_and_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    shop = copy_of_shop(tmp_path / "shop", python)
    assert "no issues" in shop.manage("check", "--fail-level", "WARNING")
    assert "No changes detected" in shop.manage("makemigrations", "--check", "--dry-run")
    assert "OK" in shop.manage("test")


def test_tandem_is_not_there(python: Path, tmp_path: Path) -> None:
    told = run(python, "-c", "import canary; print(canary.__file__); import cms", folder=tmp_path, is_refused=True)
    assert "No module named 'cms'" in told
    assert "site-packages" in told


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_all_clients_go_to_v2_a_fault_is_rolled_back_and_v1_ends(engine: str, python: Path, tmp_path: Path) -> None:
    with shop_on(engine, python, tmp_path) as shop:
        told = run(python, "demo.py", folder=shop.folder, env=shop.variables, timeout_s=DEMO_S)
        log = (shop.folder / "demo.log").read_text()
        assert "at 100 % all of them are" in told
        assert "no client saw an error" in told
        assert "the entrance answers by v2" in told
        assert {*re.findall(r"^[\w.]*(?:Error|Exception|Warning)\b.*$", log, re.MULTILINE)} == PLANTED
        shadow = json.loads(shop.manage("canary", "report", "--release", "1", "--json"))["shadow"]
        assert (shadow["compared"] > 0, shadow["failed"]) == (True, 0)
        assert {(one["path"], one["kind"]) for one in shadow["differences"]} <= {("", "status")}  # the planted fault's
