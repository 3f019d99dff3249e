"""PostgreSQL's own counters of changed rows, which show the changes that no process reports.

A process that dies between its commit and its report to Redis never reports. But its connection ends with it, and then
PostgreSQL adds what it changed to the counters of each table; that takes ten seconds at most where a pooler keeps the
connection (https://www.postgresql.org/docs/current/monitoring-stats.html). Each server process reads their sum once a
second.
"""

import logging
import os
import threading
import time
from functools import cache
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, Error, connections

logger = logging.getLogger(__name__)

# Tables that nobody reads without a credential. One missing here costs speed, one too many would cost correctness.
PRIVATE_TABLES: Final = (
    *("apikey", "auditevent", "authenticatorapp", "authsession", "browsersession", "chore", "delivery", "editing"),
    *("erasure", "importrecord", "invitation", "job", "linkedidentity", "passkey", "postrevision", "recoverycode"),
    *("storedanswer", "transfer", "webhook"),
)
LOOK_EVERY_S: Final = 1.0
TRUSTED_FOR_S: Final = 5.0
"""After so long without a look, nothing is known any more."""
# One row or none: without track_counts nothing is counted.
_SUM: Final = r"""
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
WHERE schemaname = ANY (current_schemas(false)) AND relname LIKE 'cms\_%%' AND relname <> ALL (%s)
HAVING current_setting('track_counts')::boolean
"""


class Counters:
    """The sum of the counters, and since when it has stood still. One thread looks, any may ask."""

    def __init__(self) -> None:
        self._sum: Any = None
        self._looked_at = self._still_since = float("-inf")
        self._is_away = False

    def still_since(self) -> float:
        """Return since when nothing was changed, as `time.monotonic()` counts; infinite when that is not known."""
        is_known = time.monotonic() < self._looked_at + TRUSTED_FOR_S
        return self._still_since if is_known else float("inf")

    def look(self) -> None:
        """Read the sum; raise django.db.Error where that fails."""
        began_at = time.monotonic()
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(_SUM, [[f"cms_{name}" for name in PRIVATE_TABLES]])
            found = cursor.fetchone()
        if found is None:
            return
        if found != self._sum or began_at > self._looked_at + TRUSTED_FOR_S:
            self._sum, self._still_since = found, time.monotonic()
        self._looked_at = began_at

    def keep_looking(self) -> None:
        while True:
            try:
                self.look()
                self._is_away = False
            except Error as error:
                if not self._is_away:
                    logger.warning("Answers are kept for seconds only: no counters (%s)", type(error).__name__)
                self._is_away = True
            finally:
                connections[DEFAULT_DB_ALIAS].close()
            time.sleep(LOOK_EVERY_S)


def counters() -> Counters:
    """Return this process's counters, which begin to be read with the first question."""
    return _counters_of(os.getpid())  # a child of fork has no thread of its parent


@cache
def _counters_of(_pid: int) -> Counters:
    made = Counters()
    threading.Thread(target=made.keep_looking, name="counters", daemon=True).start()
    return made
