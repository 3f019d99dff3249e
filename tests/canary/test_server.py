"""What the first answer of a server process waits for."""

from canary.server import ROLLOUT, Background


def test_the_first_answer_waits_until_the_rollout_is_read_and_the_dead_are_counted() -> None:
    background = Background()
    background.note_turn(ROLLOUT)
    background.note_turn("hangs")
    assert not background.is_ready.is_set()
    background.note_turn("crashes")
    assert background.is_ready.is_set()
