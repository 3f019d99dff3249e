"""The first words of the page, before any figure: the situation, and what the reader does next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from canary.core.approvals import BEGIN_CROSSOVER, ENDS_OF_STABLE
from canary.core.lifecycle import REMOVED, SUNSET
from canary.core.names import in_names, names_from
from canary.core.plans import FULL_BP, PAUSED, is_active, next_step_bp
from canary.core.wording import duration
from canary.models import Verdict
from canary.pages.situations import Failing, Guide, is_failure, of_failing_now, said_of_worst
from canary.pages.speaking import spoken
from canary.reporting.crossover import NEXT
from canary.verbs.wording import percent

COMMAND: Final = "manage.py run_canary_controller"
BY_ITSELF: Final = gettext_noop("Nothing to do: the controller goes on by itself.")
FAR_S: Final = 3_600.0
"""After so long, it matters whether users or time are waited for."""
SOON_S: Final = 300.0
"""Before this age of a stage, few users who come do not mean that few use the site."""
YOUNG_S: Final = 60.0
NOT_BY_ITSELF: Final = gettext_noop("The plan is paused, so no step is taken by itself. Resume it when it may go on.")

type Status = dict[str, Any]


def guide(
    status: Status,
    verdict: Verdict | None,
    *,
    extended: int = 0,
    allowed: int = 0,
    differences: Sequence[Mapping[str, Any]] = (),
    failing: Failing | None = None,
) -> Guide:
    """Return the words for the first situation that applies.

    `verdict` is the release's last one, `extended` the number of consumers that v1 answers after its end, `allowed`
    that of the identities that a list sends to v2, and `differences` those that hold by now: some may have been
    accepted since the verdict. `failing` are v2's last requests, where most of them failed.
    """
    found = _of_nothing_to_judge(status, extended, allowed)
    if found is None and failing is not None and is_exposed(status):
        found = of_failing_now(failing)
    found = found or _without_verdict(status, verdict, allowed) or _before_start(status, verdict)
    return found or _of_verdict(status, verdict, differences)


def is_exposed(status: Mapping[str, Any]) -> bool:
    """Return whether the weight or a crossover sends anybody to v2."""
    crossover = status["crossover"]
    return bool(status["weight_bp"] or (crossover and crossover["state"] != "ended")) and not status["latched"]


def _of_nothing_to_judge(status: Status, extended: int, allowed: int) -> Guide | None:
    if status["latched"]:
        todo = _("Repair v2, then acknowledge the rollback. Until then, nobody and no restart can change the weight.")
        title = _("Rolled back, but v1 is switched off: v2 answers everybody")
        if status["is_v1_enabled"]:
            title = _("Rolled back: v1 answers %(whom)s") % {"whom": _everybody(allowed)}
        return Guide("harm", title, todo)
    if not status["is_v2_enabled"]:
        return Guide("info", _("v2 is switched off"), _("Set API_V2_ENABLED=true and restart the servers to use it."))
    if status["lifecycle"] in (SUNSET, REMOVED) or not status["is_v1_enabled"]:
        title = _out_of_service(extended)
        return Guide("info", title, _("Nothing to do."), "life", _("Life of v1"))
    if status["controller"]["is_missing"]:
        todo = _("%(sentence)s Start one:") % {"sentence": spoken(status["controller"]["sentence"])}
        return Guide("harm", _("Nobody guards the rollout"), todo, command=COMMAND)
    return None


def _without_verdict(status: Status, verdict: Verdict | None, allowed: int) -> Guide | None:
    if request := status["request"]:
        end = ENDS_OF_STABLE.get(request["verb"])
        step = _("a crossover") if request["verb"] == BEGIN_CROSSOVER else percent(request["weight_bp"])
        wanted = spoken(in_names(end, names_from(status))) if end else step
        title = _("Waiting for approval: %(weight)s") % {"weight": wanted}
        todo = _("A second person approves or rejects it. Reason: %(reason)s") % {"reason": request["reason"]}
        return Guide("info", title, todo, action=request["verb"].replace(" ", "/") if end else "approve")
    if status["crossover"] and not status["weight_bp"] and (said := _of_crossover(status, verdict)):
        return said
    if _has_started(status):
        if verdict is None or verdict.stage != status["stage"]:
            todo = _("The controller judges within seconds.")
            return Guide("info", _("Just begun: no verdict on this step yet"), todo)
        return None
    if verdict is not None and verdict.stage == status["stage"] and verdict.kind == Verdict.Kind.HARM:
        return None
    todo = _("Start a plan. Its form first shows who would move, and what each step can find.")
    title = _("Nothing has started: v1 answers %(whom)s") % {"whom": _everybody(allowed)}
    return Guide("info", title, todo, action="start")


def _has_started(status: Status) -> bool:
    return bool(status["weight_bp"]) or is_active(status["plan"])


def _before_start(status: Status, verdict: Verdict | None) -> Guide | None:
    """Warn of what was found of v2 while nobody is sent there, mostly by shadow reads."""
    crossover = status["crossover"]
    if status["weight_bp"] or (crossover and crossover["state"] != "ended"):
        return None
    if verdict is None or verdict.kind != Verdict.Kind.HARM:
        return None
    failed = ((verdict.numbers.get("pairs") or {}).get("errors") or {}).get("against", 0)
    if not failed:
        todo = _("The verdict below says how. Repair v2 first. A new plan begins a new count.")
        return Guide(
            "harm", _("Do not start: v2 does harm"), todo, "routes", _("Look at the routes"), is_verdict_open=True
        )
    title = ngettext(
        "Do not start before v2 is repaired: it failed %(count)d read that v1 answered",
        "Do not start before v2 is repaired: it failed %(count)d reads that v1 answered",
        failed,
    ) % {"count": failed}
    todo = _("Shadow reads repeat reads of v1 on v2 at any weight. Repair v2 first. A new plan begins a new count.")
    return Guide("harm", title, todo, "shadow", _("Look at the differences"), is_verdict_open=True)


def _out_of_service(extended: int) -> str:
    if not extended:
        return _("v2 answers everybody, and v1 is out of service")
    told = ngettext(
        "v1 is out of service, except for %(count)d consumer",
        "v1 is out of service, except for %(count)d consumers",
        extended,
    )
    return told % {"count": extended}


def _of_crossover(status: Status, verdict: Verdict | None) -> Guide | None:
    """Return the words about a crossover; None once it was stopped or another weight is set."""
    crossover = status["crossover"]
    place, label = "crossover", _("Look at the consumers")
    if crossover["state"] != "ended":
        if verdict is not None and verdict.kind == Verdict.Kind.HARM:
            return None
        title, todo = _("The crossover begins"), spoken(in_names(NEXT[crossover["state"]], names_from(status)))
        if crossover["state"] == "settles":
            title = _("The crossover is over, and its verdict comes")
        elif crossover["period"]:
            periods = {"number": crossover["period"], "count": crossover["periods"]}
            title = _("Crossover: no harm so far, period %(number)d of %(count)d") % periods
        return Guide("pass", title, todo, place, label)
    if crossover["verdict"] == "pass":
        todo = _("Start a plan. Its form first shows who would move, and what each step can find.")
        return Guide("pass", _("Passed: the crossover found no harm"), todo, place, label, action="start")
    if crossover["verdict"] == "no_data":
        todo = _("Start another one with other consumers or longer periods.")
        return Guide("hold", _("The crossover saw too little"), todo, place, label, action="crossover/start")
    return None


def _everybody(allowed: int) -> str:
    if not allowed:
        return _("everybody")
    told = ngettext(
        "everybody except the %(count)d identity on v2's list",
        "everybody except the %(count)d identities on v2's list",
        allowed,
    )
    return told % {"count": allowed}


def _of_verdict(status: Status, verdict: Verdict | None, differences: Sequence[Mapping[str, Any]]) -> Guide:
    assert verdict is not None
    numbers = verdict.numbers
    reason = numbers.get("reason", "")
    if verdict.kind == Verdict.Kind.HARM:
        todo = _("The controller rolls back by itself. If v1 answers nobody in a few seconds, roll back by hand.")
        return Guide("harm", _("v2 does harm"), todo, is_verdict_open=True)
    if reason in ("mismatch", "guard"):
        return _of_broken_measuring(numbers.get("sample_ratio") if reason == "mismatch" else None)
    if reason == "finding":
        return _of_finding(numbers, differences)
    if reason == "calendar":
        return _of_calendar(status)
    if reason.startswith("gate"):
        return _of_gates(status, reason)
    if verdict.kind == Verdict.Kind.PASS:
        return _of_pass(status)
    if reason == "too_early":
        wait = spoken(duration(numbers.get("eta_s") or 0))
        title = _("No harm so far: %(duration)s of the minimum time left") % {"duration": wait}
        return Guide("pass", title, _go_on(status))
    if verdict.kind == Verdict.Kind.NO_DATA:
        return _of_nobody(status, numbers, is_known=reason == "no_outcome")
    return _of_waiting(status, numbers)


def _is_paused(status: Status) -> bool:
    return status["plan"] is not None and bool(status["plan"]["state"] == PAUSED)


def _go_on(status: Status) -> str:
    if _is_paused(status):
        return _(NOT_BY_ITSELF)
    if is_active(status["plan"]):
        return _(BY_ITSELF)
    return _("No plan runs: the controller guards, and you set the next weight.")


def _of_broken_measuring(arrivals: Mapping[str, Any] | None) -> Guide:
    todo = _(
        "No step is taken until this is repaired. Breakers and errors still roll back. Roll back by hand if the cause "
        "is not found soon."
    )
    if arrivals:
        told = _("%(on_v2)d of %(count)d users arrived on v2, where %(expected).1f are expected.")
        numbers = {"on_v2": arrivals["v2"], "count": arrivals["v1"] + arrivals["v2"], "expected": arrivals["expected"]}
        cause = _("Look for requests that are not recorded, or recorded under the wrong version.")
        todo = f"{told % numbers} {cause} {todo}"
    return Guide("hold", _("Held: the measuring is broken"), todo, is_verdict_open=True)


def _of_finding(numbers: dict[str, Any], differences: Sequence[Mapping[str, Any]]) -> Guide:
    todo = _("Repair v2 and deploy it. Until then no step is taken.")
    if differences:
        return _of_differences(numbers, differences)
    if numbers.get("repeats"):
        title = _("Held: v2 repeats a statement on %(route)s") % {"route": numbers["repeats"][0]["route"]}
        return Guide("hold", title, todo, "queries", _("Look at the statement"))
    if numbers.get("shadow_differences"):
        return Guide("info", _("All differences are accepted"), _("The controller judges again within seconds."))
    todo = _("Look for the cause in the routes. The plan goes on by itself if the evidence falls again.")
    title = _("Held: one test looks worse on v2")
    return Guide("hold", title, todo, "routes", _("Look at the routes"), is_verdict_open=True)


def _of_calendar(status: Status) -> Guide:
    at = (status["plan"] or {}).get("not_before") or ""
    title = _("Passed: no step before %(at)s") % {"at": f"{at[:16].replace('T', ' ')} {at[19:]}"}
    return Guide("pass", title, _go_on(status))


def _of_gates(status: Status, reason: str) -> Guide:
    if reason == "gate_unanswered":
        return Guide("info", _("Waiting for the answer of a gate"), _go_on(status))
    names = ", ".join(
        one["gate"] for one in status["gates"] if one["verdict"] == ("hold" if reason == "gate" else "fault")
    )
    if reason == "gate":
        title, todo = _("Held by a gate: %(names)s"), _("Read its sentence. The plan goes on by itself once it passes.")
    else:
        title = _("Held: a gate has a fault: %(names)s")
        todo = _(
            "Repair the gate or its address. Until it answers, no step is taken, and nothing is rolled back by it."
        )
    return Guide("hold", title % {"names": names}, todo, is_verdict_open=True)


def _of_differences(numbers: dict[str, Any], differences: Sequence[Mapping[str, Any]]) -> Guide:
    count = len(differences)
    title = ngettext(
        "Held: v2's responses differ from v1's in %(count)d way",
        "Held: v2's responses differ from v1's in %(count)d ways",
        count,
    ) % {"count": count}
    todo = _(
        "No step is taken, and users of v2 go on getting these responses. Roll back unless you know that they are "
        "harmless: then accept the difference. After a repair start again, for a release counts all that it has seen."
    )
    if any(map(is_failure, differences)):
        todo = _(
            "v2 may fail its users too: v1 answers in its place only where it can. Roll back, repair v2 and start "
            "again. Accept the difference only if its cause is known and over, a restart of the database for example."
        )
    if numbers.get("repeats"):
        also = _("Besides, v2 repeats a statement on %(route)s.") % {"route": numbers["repeats"][0]["route"]}
        todo = f"{todo} {also}"
    return Guide("hold", title, f"{said_of_worst(differences)} {todo}", "shadow", _("Look at the differences"))


def _of_pass(status: Status) -> Guide:
    plan, weight_bp = status["plan"], status["weight_bp"]
    following = next_step_bp(plan["steps_bp"], weight_bp) if is_active(plan) else None
    if following is not None:
        step = {"step": percent(following)}
        if _is_paused(status):
            return Guide("pass", _("Passed: %(step)s may follow") % step, _(NOT_BY_ITSELF), action="resume")
        todo = _("Nothing to do: the controller takes the step by itself within seconds.")
        return Guide("pass", _("Passed: %(step)s follows now") % step, todo)
    if weight_bp == FULL_BP:
        title, todo = _("Done: v2 answers everybody"), _("Deprecate v1 when you are sure.")
        return Guide("pass", title, todo, "life", _("Life of v1"))
    title = _("Passed at %(weight)s") % {"weight": percent(weight_bp)}
    return Guide("pass", title, _("Start a plan, or set a higher weight."), action="start")


def _of_nobody(status: Status, numbers: dict[str, Any], *, is_known: bool) -> Guide:
    """Advise while no outcome of v2 is known; `is_known` says that users were sent there."""
    if not status["weight_bp"]:
        return Guide("info", _("Nobody is sent to v2"), _("Take the plan's next step, or set a weight."))
    title = _("Waiting for the first users of v2")
    todo = _("Nothing to do if the site is quiet. Otherwise check that clients call the entrance.")
    if is_known:
        title = _("Waiting for the first outcomes of v2")
        todo = _("Check below whether requests hang or find no room on v2. The controller rolls back by itself.")
        if (age_s := _age_s(status, numbers)) is not None and age_s < YOUNG_S:
            todo = _("Nothing to do yet: the first outcomes come within a minute.")
    if _is_paused(status):
        todo = f"{todo} {_(NOT_BY_ITSELF)}"
    return Guide("info", title, todo, is_verdict_open=True)


def _of_waiting(status: Status, numbers: dict[str, Any]) -> Guide:
    """Advise to wait for proof that the declared limit is kept."""
    safe, eta_s = numbers.get("safe"), numbers.get("eta_s")
    if not safe:
        return Guide("hold", _("Held"), _("The verdict lists what is missing."), is_verdict_open=True)
    failing, known = safe["failing"], safe["clean"] + safe["failing"]
    if eta_s is None and failing and failing >= safe["p0"] * known:
        title = ngettext(
            "Held: %(failing)d of %(count)d user of v2 had an error, too many to pass",
            "Held: %(failing)d of %(count)d users of v2 had an error, too many to pass",
            known,
        ) % {"failing": failing, "count": known}
        todo = _("Look at the errors by route, then repair v2 or roll back.")
        return Guide("hold", title, todo, "routes", _("Look at the routes"), is_verdict_open=True)
    count = {"count": safe["clean_missing"]}
    missing = ngettext("Waiting for %(count)d more user", "Waiting for %(count)d more users", count["count"]) % count
    age_s = _age_s(status, numbers)
    if eta_s is not None:
        told = {"missing": missing, "duration": _written_out(eta_s)}
        is_bound = eta_s > FAR_S and age_s is not None and abs(status["plan"]["min_s"] - age_s - eta_s) < 1
        title = _("%(missing)s, about %(duration)s") % told
        if is_bound:
            title = _("%(missing)s; the minimum time lasts %(duration)s more") % told
        return Guide("info", title, f"{_of_failing(failing)}{_go_on(status)}")
    judged = ngettext("%(count)d user of v2 was judged so far.", "%(count)d users of v2 were judged so far.", known)
    if known and not failing:
        judged = ngettext(
            "%(count)d user of v2 was judged at this step, without an error in the first three requests.",
            "%(count)d users of v2 were judged at this step, none with an error in the first three requests.",
            known,
        )
    judged %= {"count": known}
    if age_s is not None and age_s < SOON_S:
        todo = _("Nothing to do yet: in a few minutes this tells when the step can pass, or that too few people come.")
        title = _("%(missing)s, no estimate yet") % {"missing": missing}
        return Guide("info", title, f"{todo} {judged} {_of_failing(failing)}".rstrip())
    todo = _(
        "If more people will come, wait. If not, roll back and start a crossover, which needs only a few clients. Or "
        "take the next step by hand: of so few users, only a total failure is sure to be found."
    )
    title = _("%(missing)s, no estimate yet") if age_s is None else _("Too few users come. %(missing)s")
    text = f"{judged} {_of_failing(failing)}{todo}"
    return Guide("hold", title % {"missing": missing}, text, is_verdict_open=True)


def _of_failing(count: int) -> str:
    """Return a sentence that explains why more users are missing than before."""
    if not count:
        return ""
    told = ngettext(
        "%(count)d user of v2 had an error so far, so more are needed. ",
        "%(count)d users of v2 had an error so far, so more are needed. ",
        count,
    )
    return told % {"count": count}


def _age_s(status: Status, numbers: dict[str, Any]) -> float | None:
    """Return how old the stage of the plan was when it was judged; None without either time, or without a plan."""
    began, judged = status.get("stage_started_at"), numbers.get("judged_at")
    if not began or not judged or not is_active(status["plan"]):
        return None
    return (datetime.fromisoformat(judged) - datetime.fromisoformat(began)).total_seconds()


def _written_out(seconds: float) -> str:
    """Return a duration for a headline, such as `6 minutes`."""
    number, _space, unit = duration(seconds).partition(" ")
    number = number.removesuffix(".0")
    one, many = {
        "s": (gettext_noop("%(number)s second"), gettext_noop("%(number)s seconds")),
        "min": (gettext_noop("%(number)s minute"), gettext_noop("%(number)s minutes")),
        "h": (gettext_noop("%(number)s hour"), gettext_noop("%(number)s hours")),
    }.get(unit, (gettext_noop("%(number)s day"), gettext_noop("%(number)s days")))
    return _(one if number == "1" else many) % {"number": number}
