"""Every read path is walked as every role: nobody reads what is hidden from them, and what may be read is found."""

import pytest

from tests.leaks.walking import Walker, assert_nothing_leaks, questions_about
from tests.leaks.world import ROLES, STRANGERS, World
from tests.slow import slow_unless


@pytest.mark.parametrize("role", [slow_unless(role == "commenter", role) for role in ROLES if role not in STRANGERS])
def test_a_role_reads_what_it_may_and_nothing_else(world: World, role: str) -> None:
    questions = questions_about(world)
    etags = Walker(world, "editor").etags(questions)
    assert_nothing_leaks(list(Walker(world, role).walk(questions, etags)), world, role)
