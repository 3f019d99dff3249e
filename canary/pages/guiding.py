"""The first words of the page, before any figure: the situation, and what the reader does next."""

from dataclasses import dataclass
from typing import Any, Final

from canary.core.lifecycle import REMOVED, SUNSET
from canary.core.plans import FULL_BP, PAUSED, is_active, next_step_bp
from canary.core.wording import duration
from canary.models import Verdict
from canary.verbs.wording import percent, plural

COMMAND: Final = "manage.py run_canary_controller"
BY_ITSELF: Final = "Nothing to do: the controller goes on by itself."
NOT_BY_ITSELF: Final = "The plan is paused, so no step is taken by itself. Resume it when it may go on."

type Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guide:
    """`mood` is a kind of verdict or `info`; `place` is the section that tells more, `place_label` its link."""

    mood: str
    title: str
    next: str
    place: str = ""
    place_label: str = ""
    command: str = ""
    action: str = ""
    """The words of the button that is the next step."""
    is_verdict_open: bool = False
    """Whether the verdict's whole sentence is needed to act."""


def guide(status: Status, verdict: Verdict | None, *, allowed: int = 0, differences: int = 0) -> Guide:
    """Return the words for the first situation that applies.

    `verdict` is the release's last one, `allowed` the number of identities that a list sends to v2, and `differences`
    that of the differences that hold by now: some may have been accepted since the verdict.
    """
    return _without_verdict(status, verdict, allowed) or _of_verdict(status, verdict, differences)


def _without_verdict(status: Status, verdict: Verdict | None, allowed: int) -> Guide | None:
    if status["latched"]:
        todo = "Repair v2, then acknowledge the rollback. Until then nobody and no restart can set another weight."
        return Guide("harm", f"Rolled back: v1 answers {_everybody(allowed)}", todo)
    if not status["is_v2_enabled"]:
        return Guide("info", "v2 is switched off", "Set API_V2_ENABLED=true and restart the servers to use it.")
    if status["lifecycle"] in (SUNSET, REMOVED) or not status["is_v1_enabled"]:
        return Guide("info", "v2 answers everybody, and v1 is out of service", "Nothing to do.", "life", "Life of v1")
    if status["controller"]["is_missing"]:
        todo = f"{status['controller']['sentence']} Start one:"
        return Guide("harm", "Nobody guards the rollout", todo, command=COMMAND)
    if not status["weight_bp"] and not is_active(status["plan"]):
        todo = "Start a plan. Its form first shows who would move, and what each step can find."
        return Guide("info", f"Nothing has started: v1 answers {_everybody(allowed)}", todo, action="start")
    if verdict is None or verdict.stage != status["stage"]:
        return Guide("info", "Just begun: no verdict on this step yet", "The controller judges within seconds.")
    return None


def _everybody(allowed: int) -> str:
    return f"everybody but the {plural(allowed, 'identity', 'identities')} on v2's list" if allowed else "everybody"


def _of_verdict(status: Status, verdict: Verdict | None, differences: int) -> Guide:
    assert verdict is not None
    numbers = verdict.numbers
    reason = numbers.get("reason", "")
    if verdict.kind == Verdict.Kind.HARM:
        todo = "The controller rolls back by itself. If v1 answers nobody in a few seconds, roll back by hand."
        return Guide("harm", "v2 does harm", todo, is_verdict_open=True)
    if reason in ("mismatch", "guard"):
        todo = "No step is taken until this is repaired. Breakers and errors still roll back."
        return Guide("hold", "Held: the measuring is broken", todo, is_verdict_open=True)
    if reason == "finding":
        return _of_finding(numbers, differences)
    if verdict.kind == Verdict.Kind.PASS:
        return _of_pass(status)
    if reason == "too_early":
        wait = duration(numbers.get("eta_s") or 0)
        return Guide("pass", f"No harm so far: {wait} of the minimum time left", _go_on(status))
    if verdict.kind == Verdict.Kind.NO_DATA:
        return _of_nobody(status)
    return _of_waiting(status, numbers)


def _is_paused(status: Status) -> bool:
    return status["plan"] is not None and bool(status["plan"]["state"] == PAUSED)


def _go_on(status: Status) -> str:
    if _is_paused(status):
        return NOT_BY_ITSELF
    if is_active(status["plan"]):
        return BY_ITSELF
    return "No plan runs: the controller guards, and you set the next weight."


def _of_finding(numbers: dict[str, Any], differences: int) -> Guide:
    todo = "Repair v2 and deploy it. Until then no step is taken."
    if differences:
        title = f"Held: v2's responses differ from v1's in {plural(differences, 'way', 'ways')}"
        also = f" Besides, {_repeats(numbers)}." if numbers.get("repeats") else ""
        todo = f"Repair v2, or accept each difference that is harmless. Until then no step is taken.{also}"
        return Guide("hold", title, todo, "shadow", "Look at the differences")
    if numbers.get("repeats"):
        return Guide("hold", f"Held: {_repeats(numbers)}", todo, "queries", "Look at the statement")
    if numbers.get("shadow_differences"):
        return Guide("info", "All differences are accepted", "The controller judges again within seconds.")
    todo = "Look for the cause in the routes. The plan goes on by itself if the evidence falls again."
    return Guide("hold", "Held: one test looks worse on v2", todo, "routes", "Look at the routes", is_verdict_open=True)


def _repeats(numbers: dict[str, Any]) -> str:
    return f"v2 repeats a statement on {numbers['repeats'][0]['route']}"


def _of_pass(status: Status) -> Guide:
    plan, weight_bp = status["plan"], status["weight_bp"]
    following = next_step_bp(plan["steps_bp"], weight_bp) if is_active(plan) else None
    if following is not None:
        if _is_paused(status):
            return Guide("pass", f"Passed: {percent(following)} may follow", NOT_BY_ITSELF, action="resume")
        todo = "Nothing to do: the controller takes the step by itself within seconds."
        return Guide("pass", f"Passed: {percent(following)} follows now", todo)
    if weight_bp == FULL_BP:
        return Guide("pass", "Done: v2 answers everybody", "Deprecate v1 when you are sure.", "life", "Life of v1")
    return Guide("pass", f"Passed at {percent(weight_bp)}", "Start a plan, or set a higher weight.", action="start")


def _of_nobody(status: Status) -> Guide:
    if not status["weight_bp"]:
        return Guide("info", "Nobody is sent to v2", "Take the plan's next step, or set a weight.")
    todo = "Nothing to do if the site is quiet. Otherwise check that clients call the entrance."
    if _is_paused(status):
        todo = f"{todo} {NOT_BY_ITSELF}"
    return Guide("info", "Waiting for the first users of v2", todo, is_verdict_open=True)


def _of_waiting(status: Status, numbers: dict[str, Any]) -> Guide:
    """Waiting for proof that the declared limit is kept."""
    safe, eta_s = numbers.get("safe"), numbers.get("eta_s")
    if not safe:
        return Guide("hold", "Held", "The verdict says what is missing.", is_verdict_open=True)
    failing, known = safe["failing"], safe["clean"] + safe["failing"]
    if eta_s is None and failing and failing >= safe["p0"] * known:
        title = f"Held: {failing} of {plural(known, 'user', 'users')} of v2 had an error, too many to pass"
        todo = "Look at the errors by route, then repair v2 or roll back."
        return Guide("hold", title, todo, "routes", "Look at the routes", is_verdict_open=True)
    missing = f"Waiting for {plural(safe['clean_missing'], 'more user', 'more users')}"
    if eta_s is not None:
        return Guide("info", f"{missing}, about {_spoken(eta_s)}", _go_on(status))
    todo = "The verdict says why there is no estimate. If too few people use the site, take the next step by hand."
    return Guide("hold", f"{missing}, no estimate yet", todo, is_verdict_open=True)


def _spoken(seconds: float) -> str:
    """`6 minutes`: written out in a headline."""
    number, _, unit = duration(seconds).partition(" ")
    number, whole = number.removesuffix(".0"), {"s": "second", "min": "minute", "h": "hour"}.get(unit, "day")
    return f"{number} {whole}" if number == "1" else f"{number} {whole}s"
