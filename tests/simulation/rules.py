"""What others decide by, on the same data: a fixed limit with strikes, and a z-test that is looked at every minute.

Both look at requests, not at users. Returned is the minute of the rollback, None when there was none.
"""

import math
from typing import Final

LIMIT: Final = 0.99
CHECK_MIN: Final = 5
STRIKES: Final = 3
Z_95: Final = 1.6449

Minutes = list[list[list[int]]]


def minute_of_threshold(minutes: Minutes) -> int | None:
    """Every five minutes the share of v2's good requests in them; the third one below 99 % rolls back."""
    strikes = 0
    for end in range(CHECK_MIN, len(minutes) + 1, CHECK_MIN):
        window = [versions[1] for versions in minutes[end - CHECK_MIN : end]]
        requests, failures = sum(v2[0] for v2 in window), sum(v2[1] for v2 in window)
        strikes += bool(requests) and 1 - failures / requests < LIMIT
        if strikes == STRIKES:
            return end
    return None


def minute_of_z_test(minutes: Minutes) -> int | None:
    """Every minute the one-sided test of two shares over all requests so far, at 5 %."""
    n1 = n2 = bad1 = bad2 = 0
    for minute, (v1, v2) in enumerate(minutes, start=1):
        n1, bad1, n2, bad2 = n1 + v1[0], bad1 + v1[1], n2 + v2[0], bad2 + v2[1]
        if not (n1 and n2 and bad1 + bad2):
            continue
        share = (bad1 + bad2) / (n1 + n2)
        error = math.sqrt(share * (1 - share) * (1 / n1 + 1 / n2))
        if error and (bad2 / n2 - bad1 / n1) / error > Z_95:
            return minute
    return None
