"""Every shell block of the front page and the tutorials is run in a fresh checkout, in order; outputs are compared."""

from collections.abc import Iterator

import pytest

from tests.servers import ROOT, free_port
from tests.tutorials.checkouts import Checkout, running_checkout
from tests.tutorials.sessions import steps_of

PAGES = ["README.md", "docs/tutorials/moving-a-client.md", "docs/tutorials/first-rollout.md"]
NOT_HERE = ("make run", "export DATABASE_URL=", ".venv/bin/python manage.py import_content export.xml")
"""How blocks begin that are not run: they start servers, or need files of the reader's own."""
PRESSED = """
json() { curl -sf "http://127.0.0.1:8000/api/v2/$1" -H 'Content-Type: application/json' "${@:2}"; }
member() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
TOKEN=$(json auth/token -d '{"email": "editor@example.com", "password": "tandem-demo-2026"}' | member access_token)
SENT='{"title": "My first post", "content": "Hello, *reader*."}'
ID=$(json posts -H "Authorization: Bearer $TOKEN" -d "$SENT" | member id)
json "posts/$ID/actions/publish" -H "Authorization: Bearer $TOKEN" -d '{}'
"""
"""In place of the buttons that the front page has its reader press, which tests/browser plays."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with running_checkout(tmp_path_factory.mktemp("checkout"), {8000: free_port()}, {}) as checkout:
        yield checkout


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_happens(checkout: Checkout, page: str) -> None:
    steps = list(steps_of(ROOT / page))
    assert steps
    if page == "README.md":
        status, output = checkout.run(PRESSED)
        assert status == 0, output
    for step in steps:
        if not step.script.startswith(NOT_HERE):
            checkout.follow(step)
