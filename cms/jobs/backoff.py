"""How long to wait before what failed is tried again: jobs, and the deliveries of webhooks."""

import datetime
import secrets

_random = secrets.SystemRandom()


def delay_after(attempts: int, *, first_s: float, factor: float, longest_s: float) -> datetime.timedelta:
    """Return an exponential delay, "equal jitter": half to all of `first_s * factor ** (attempts - 1)`.

    The jitter keeps what failed together from coming back together. `attempts` counts from 1.
    """
    whole = min(longest_s, first_s * factor ** min(attempts - 1, 64))
    return datetime.timedelta(seconds=_random.uniform(whole / 2, whole))
