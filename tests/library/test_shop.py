"""The example project from the wheel alone: its tests, and all its clients from v1 to v2 to v3, on both engines."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.databases import new_database
from tests.library.strangers import PG_VARIABLES, Project, copy_of_shop, run

DEMO_S = 600
PLANTED = {"RuntimeError: planted by the demonstration"}
MAKE_USER = "from django.contrib.auth.models import User; User.objects.create_user('mia')"


@contextlib.contextmanager
def shop_on(engine: str, python: Path, folder: Path) -> Iterator[Project]:
    with new_database(engine, folder) as url:
        told = conninfo_to_dict(url) if engine == "postgresql" else {}
        where = {PG_VARIABLES[name]: str(value) for name, value in told.items()}
        yield copy_of_shop(folder / "shop", python, **where)


def test_it_has_no_complaint_and_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    shop = copy_of_shop(tmp_path / "shop", python)
    for journey in ("1", "2"):
        later = replace(shop, variables={"SHOP_JOURNEY": journey})
        assert "no issues" in later.manage("check", "--fail-level", "WARNING")
    assert "No changes detected" in shop.manage("makemigrations", "--check", "--dry-run")
    assert "OK" in shop.manage("test")
    run(python, "-c", "import shop.wsgi", folder=shop.folder)  # as a server does that loads no apps before


def test_tandem_is_not_there(python: Path, tmp_path: Path) -> None:
    told = run(python, "-c", "import canary; print(canary.__file__); import cms", folder=tmp_path, is_refused=True)
    assert "No module named 'cms'" in told
    assert "site-packages" in told


def report(shop: Project, release: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shop.manage("canary", "report", "--release", release, "--json"))
    return found


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_column_that_v2_loses_is_found_before_anybody_is_there(engine: str, python: Path, tmp_path: Path) -> None:
    played = ("canary", "shadow-writes", "writes.jsonl")
    with shop_on(engine, python, tmp_path) as shop:
        shop.manage("migrate", "-v0")
        shop.manage("seed")
        shop.manage("shell", "-v0", "-c", MAKE_USER)
        assert "Release 1: 2 equal, 1 refused_both." in shop.manage(*played)
        views = shop.folder / "shop" / "v2" / "views.py"
        views.write_text(views.read_text().replace("buyer=self.request.user)", "buyer=self.request.user, quantity=1)"))
        told = shop.manage(*played, is_refused=True)
        assert "different     line 1: POST /orders" in told
        assert "shop_order.quantity: value, v1 (number), v2 (number)" in told
        assert "0" in shop.manage("shell", "-v0", "-c", "from shop.models import Order; print(Order.objects.count())")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_all_clients_go_to_v2_v1_ends_and_the_same_tables_lead_them_to_v3(
    engine: str, python: Path, tmp_path: Path
) -> None:
    with shop_on(engine, python, tmp_path) as shop:
        told = run(python, "demo.py", folder=shop.folder, env=shop.variables, timeout_s=DEMO_S)
        log = (shop.folder / "demo.log").read_text()
        for step in (
            *("at 100 % all of them are on v2", "no client saw an error", "the entrance answers by v2"),
            *(
                "a brownout of client-1 alone: v1 answers it 410, and client-2 200",
                "it is over, and v1 answers client-1",
            ),
            *("[410, 200, 404]", "it is too early", "[404, 200, 200], and nobody has moved"),
            *("at 100 % all of them are on v3", "client-0 was on v1 at first, and is on v3 now"),
        ):
            assert step in told
        assert {*re.findall(r"^[\w.]*(?:Error|Exception|Warning)\b.*$", log, re.MULTILINE)} == PLANTED
        first, last = report(shop, "1"), report(shop, "3")
        for shadow in (first["shadow"], last["shadow"]):
            assert (shadow["compared"] > 0, shadow["failed"]) == (True, 0)
        differences = {(one["path"], one["kind"]) for one in first["shadow"]["differences"]}
        assert differences <= {("200 to 500", "status")}  # the planted fault's
        assert last["shadow"]["differences"] == []
        assert ({*first["totals"]}, {*last["totals"]}) == ({"v1", "v2"}, {"v2", "v3"})
        past = shop.manage("canary", "status")  # by the settings of the first journey
        assert "This process has the settings of an earlier journey" in past
