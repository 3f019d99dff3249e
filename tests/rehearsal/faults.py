"""What can be wrong with the rehearsed v2."""

from enum import StrEnum
from typing import Final

ERROR_SHARE: Final = 0.05
"""Of v2's requests. At 10 % and with no error on v1, three users with one make evidence of 22, where harm begins at 20.

By then v2 has answered some 60 requests and the entrance some 600, which takes a few seconds. A tenth of this share takes ten
times as long; nothing else changes, for it is users with an error that count and not their share.
"""
SLOWER_BY: Final = 0.5
"""Than v1. A user of v2 who is among the slowest makes the evidence some 2.4 times as strong at 10 %; it takes 77."""
SLOW_SQL_S: Final = 30
"""How long a statement of v2 would take."""


class Fault(StrEnum):
    NONE = ""
    HANG = "hang"
    CRASH = "crash"
    SLOW_SQL = "slow_sql"
    FAILURE = "failure"
    ERRORS = "errors"
    LATENCY = "latency"
    N_PLUS_ONE = "n_plus_one"
    WRONG_FIELD = "wrong_field"
