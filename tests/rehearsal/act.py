"""What the rounds of a rehearsal have in common: commands, plants, waiting for the controller, and the end of a latch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.rehearsal.checks import SERVED_WITHIN_S, check, check_chain, passed_s
from tests.rehearsal.faults import Fault
from tests.rehearsal.load import Load
from tests.rehearsal.site import Site, wait_for
from tests.rehearsal.telling import Teller
from tests.servers import Server

WARM_UP_S: Final = 3.0
IN_FORCE_S: Final = 1.0

type Row = dict[str, Any]


@dataclass
class Act:
    """Rounds on one server, whose users ask all the time."""

    site: Site
    server: Server
    load: Load
    teller: Teller

    def __post_init__(self) -> None:
        self.told = self.site.canary("status")["version"]
        self.planted_at = 0.0

    def command(self, *words: str) -> Row:
        self.teller.command(*words)
        return self.site.canary(*words)

    def plant(self, fault: Fault) -> None:
        self.site.plant(fault)
        self.planted_at = time.time()
        self.teller.say(f"(the fault is planted: {fault.value})")

    def say_how_soon(self, at: float) -> None:
        self.teller.say(f"Found {at - self.planted_at:.1f} s after it was planted.")

    def await_event(self, after: int, is_it: Callable[[Row], bool], within_s: float) -> Row:
        def look() -> Row | None:
            self.tell_new()
            self.watch()
            return next((event for event in self.site.events_after(after) if is_it(event)), None)

        found: Row = wait_for(look, within_s, "the controller's decision")
        self.tell_new()
        return found

    def watch(self) -> None:
        """Is called again and again during a wait, to raise what ends the round."""

    def acknowledge(self) -> None:
        status = self.command("ack", "--reason", "the fault is repaired")
        is_over = status["weight_bp"] == 0 and not status["latched"] and status["plan"] is None
        check(is_over, "ack leaves 0 % and no plan")
        check_chain(self.site)

    def tell_new(self) -> None:
        for event in self.site.events_after(self.told):
            self.told = event["version"]
            if event["actor"] == "controller":
                self.teller.say(f"controller, {event['verb']}: {event['reason']}")

    def let_pass(self, since: float, seconds: float = SERVED_WITHIN_S + IN_FORCE_S) -> None:
        """The promise is about time, so time has to pass."""
        while (left_s := seconds - passed_s(since, time.time())) > 0:
            time.sleep(left_s)
