"""Ask the gates in threads of their own, so that none delays a verdict: the controller takes what has been answered."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Final

from django.db import connections
from django.utils.module_loading import import_string

from canary.conf import canary_conf
from canary.core.gates import FAULT, UNANSWERED, Answer, Gate, GateResult, answer_of, plain
from canary.gates.questions import GateFault, Question

EVERY_S: Final = 30.0
ASKING: Final[Mapping[str, str]] = {
    "call": "canary.gates.questions.call",
    "prometheus": "canary.gates.prometheus.ask_prometheus",
    "http": "canary.gates.over_http.ask_over_http",
    "sql": "canary.gates.counting.count",
}
"""By name, since a site without HTTP gates needs no HTTP client."""

logger = logging.getLogger("canary.gates")


class Inquiry:
    """One gate, the thread that asks it and its last answer. While a thread hangs, no other one is started."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._question: Question | None = None
        self._asked_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._given: tuple[Question, Answer, float] | None = None
        self._told = ""

    def turn(self, question: Question) -> Answer:
        """Return the answer to this question so far; ask again when that is due."""
        is_due = not question.is_about_same(self._question) or time.monotonic() - self._asked_at >= EVERY_S
        if is_due and not self.is_asking:
            self._question, self._asked_at = question, time.monotonic()
            name = f"canary-gate-{self._gate.name}"
            self._thread = threading.Thread(target=self._ask, args=(question,), name=name, daemon=True)
            self._thread.start()
        answer = self._answer_to(question)
        self._log(answer)
        return answer

    @property
    def is_asking(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join(max(0.0, self._asked_at + self._gate.timeout_s - time.monotonic()))

    def _answer_to(self, question: Question) -> Answer:
        if self.is_asking and time.monotonic() - self._asked_at > self._gate.timeout_s:
            return Answer(self._gate.name, FAULT, sentence=self._late)
        if self._given is None:
            return Answer(self._gate.name, UNANSWERED)
        asked, answer, at = self._given
        is_fresh = time.monotonic() - at <= 2 * EVERY_S + self._gate.timeout_s
        return answer if is_fresh and question.is_about_same(asked) else Answer(self._gate.name, UNANSWERED)

    @property
    def _late(self) -> str:
        return f"no answer within {self._gate.timeout_s:g} s"

    def _ask(self, question: Question) -> None:
        began_at, at = time.monotonic(), question.now.timestamp()
        try:
            ask = import_string(ASKING[self._gate.kind])
            result: GateResult = ask(self._gate, question)
            answer = answer_of(self._gate.name, result, at)
        except GateFault as fault:
            answer = Answer(self._gate.name, FAULT, sentence=plain(str(fault)), at=at)
        except Exception as error:
            answer = Answer(self._gate.name, FAULT, sentence=plain(f"{type(error).__name__}: {error}"), at=at)
        finally:
            connections.close_all()
        if time.monotonic() - began_at > self._gate.timeout_s:
            answer = Answer(self._gate.name, FAULT, sentence=self._late, at=at)
        self._given = question, answer, time.monotonic()

    def _log(self, answer: Answer) -> None:
        """Log each change of what the gate says, faults as warnings."""
        if answer.verdict in (self._told, UNANSWERED):
            return
        self._told = answer.verdict
        logger.log(logging.WARNING if answer.verdict == FAULT else logging.INFO, "%s", answer.told)


class Asker:
    """All gates of the site, as one controller asks them."""

    def __init__(self) -> None:
        self._inquiries: dict[Gate, Inquiry] = {}

    def turn(self, question: Question) -> list[Answer]:
        """Return what each gate has answered about this stage. Waits for none."""
        gates = canary_conf().gates
        self._inquiries = {gate: self._inquiries.get(gate) or Inquiry(gate) for gate in gates}
        return [inquiry.turn(question) for inquiry in self._inquiries.values()]

    def wait(self) -> None:
        """Wait until each gate has answered or its time is over."""
        for inquiry in self._inquiries.values():
            inquiry.wait()
