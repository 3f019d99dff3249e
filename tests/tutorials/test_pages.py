"""Every shell block that a reader can do in a checkout is run in a fresh one, page by page; outputs are compared."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.servers import ROOT, free_port
from tests.tutorials.checkouts import Checkout, running_checkout
from tests.tutorials.pages import PAGES
from tests.tutorials.sessions import steps_of


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with running_checkout(tmp_path_factory.mktemp("pages") / "tandem", {8000: free_port()}, {}) as checkout:
        yield checkout


def succeed(checkout: Checkout, script: str) -> None:
    status, output = checkout.run(script)
    assert status == 0, output


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_says_happens(checkout: Checkout, name: str) -> None:
    page, steps = PAGES[name], [step for step in steps_of(ROOT / name) if not step.mark]
    assert steps
    if any("jq " in step.script for step in steps) and not shutil.which("jq"):
        assert os.environ.get("REQUIRE_SERVICES") != "1", "jq is required (REQUIRE_SERVICES=1) and not on PATH"
        pytest.skip("jq is not on PATH (REQUIRE_SERVICES=1 makes that a failure)")
    for path, text in page.files.items():
        file = checkout.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    succeed(checkout, page.before)
    for step in steps:
        checkout.follow(page.played(step), env=page.env)
    succeed(checkout, page.after)
