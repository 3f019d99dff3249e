"""Commands that are told to stop."""

import signal

import pytest

from cms.management.interruption import stopped_in_order


def test_sigterm_ends_the_block_as_ctrl_c_does_and_later_ones_do_what_they_did() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stopped_in_order():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
