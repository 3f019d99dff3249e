"""A gate that compares two Prometheus expressions: the candidate's number divided by stable's.

`$window` in an expression stands for the time since the stage began, such as `3600s`.
"""

import math
from typing import Any, Final

from canary.core.gates import Gate, GateResult
from canary.gates.over_http import get_json
from canary.gates.questions import GateFault, Question

WINDOW: Final = "$window"
LEAST_S: Final = 60
"""A window of less than a scrape or two holds nothing."""


def ask_prometheus(gate: Gate, question: Question) -> GateResult:
    candidate = _value(gate, "candidate", question)
    limit, harm = gate.options["limit"], gate.options.get("harm")
    if "stable" not in gate.options:
        return GateResult.within(candidate, f"{candidate:.4g} on v{question.candidate}", limit, harm)
    stable = _value(gate, "stable", question)
    if not stable:
        raise GateFault(f"v{question.stable} has 0, so there is no ratio")
    told = f"{candidate:.4g} on v{question.candidate}, {stable:.4g} on v{question.stable}"
    return GateResult.within(candidate / stable, told, limit, harm)


def _value(gate: Gate, side: str, question: Question) -> float:
    window = f"{max(LEAST_S, math.ceil((question.now - question.since).total_seconds()))}s"
    query = gate.options[side].replace(WINDOW, window)
    body = get_json(gate, f"{gate.target.rstrip('/')}/api/v1/query", data={"query": query})
    value = _number_in(body)
    if value is None:
        raise GateFault(f"the {side} expression has no single value")
    if not math.isfinite(value):
        raise GateFault(f"the {side} expression is {value}")
    return value


def _number_in(body: Any) -> float | None:
    """Return the value of a scalar, or of a vector with one element: its `result` is `[{"value": [at, "1.5"]}]`."""
    try:
        data = body["data"]
        found = data["result"] if data["resultType"] == "scalar" else [one["value"] for one in data["result"]]
        if data["resultType"] != "scalar":
            [found] = found
        return float(found[1])
    except (KeyError, TypeError, ValueError, IndexError):
        return None
