"""v1's contract: every story's answers are, byte for byte, what its golden file says.

`make golden` writes the files anew: only for an endpoint that is new, for v1 is frozen.
"""

from pathlib import Path

import pytest

from tests.contract.v1.cases import STORIES
from tests.contract.v1.conftest import Site
from tests.contract.v1.stories import Story

GOLDEN = Path(__file__).parent / "golden"


def golden_path(told: Story) -> Path:
    return GOLDEN / f"{told.name}.txt"


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.name)
def test_golden(site: Site, is_writing: bool, told: Story) -> None:
    text, path = site.teller.tell(told), golden_path(told)
    if is_writing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), "there is no golden file: `make golden` writes it"
    assert text == path.read_text()


def test_every_golden_file_has_its_story(is_writing: bool) -> None:
    stale = set(GOLDEN.rglob("*.txt")) - {golden_path(told) for told in STORIES}
    if is_writing:
        for path in stale:
            path.unlink()
    else:
        assert not stale


def test_no_two_stories_share_a_golden_file() -> None:
    names = [told.name for told in STORIES]
    assert len(names) == len(set(names)) > 100
