"""Faults of the canary itself: counted, logged once a minute, never shown to a client."""

import logging
import threading
import time

logger = logging.getLogger("canary")

LOG_EVERY_S = 60.0


class FaultLog:
    """Counts faults; of those within a minute the first is logged, with how many went unlogged before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged_at = float("-inf")
        self._unlogged = 0
        self.count = 0

    def record(self, error: Exception) -> None:
        with self._lock:
            self.count += 1
            is_due = time.monotonic() - self._logged_at >= LOG_EVERY_S
            unlogged = self._unlogged
            if is_due:
                self._logged_at, self._unlogged = time.monotonic(), 0
            else:
                self._unlogged += 1
        if is_due:
            logger.error("canary fault, requests are answered without it; %d unlogged before", unlogged, exc_info=error)


faults = FaultLog()
