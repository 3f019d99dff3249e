"""Gates of the site's own: what each says about the candidate, and what follows for the verdict.

A gate stops a step (hold) or rolls back (harm). A gate that fails itself holds: it never passes and never rolls back.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from canary.core.judgements import Judgement, Stage
from canary.core.wording import percent

PASSES: Final = "pass"
HOLD: Final = "hold"
HARM: Final = "harm"
VERDICTS: Final = (PASSES, HOLD, HARM)
FAULT: Final = "fault"
UNANSWERED: Final = "unanswered"
TIMEOUT_S: Final = 10.0
TIMEOUTS_S: Final = (0.1, 300.0)
SENTENCE_MAX: Final = 300
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}", re.ASCII)
KINDS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "call": (frozenset(), frozenset()),
    "prometheus": (frozenset({"candidate", "limit"}), frozenset({"stable", "harm", "headers"})),
    "http": (frozenset(), frozenset({"headers"})),
    "sql": (frozenset({"limit"}), frozenset({"harm"})),
}
"""By kind, the options that a gate must have and those that it may have beside them."""
COMMON: Final = frozenset({"name", "timeout_s"})


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of a gate: `pass`, `hold` or `harm`, the number that decided, and a sentence that explains it."""

    verdict: str
    number: float
    sentence: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.verdict!r} is not a verdict of a gate: use pass, hold or harm.")
        if isinstance(self.number, bool) or not isinstance(self.number, int | float) or not math.isfinite(self.number):
            raise ValueError(f"{self.number!r} is not the number of a gate: use a finite one.")
        if not isinstance(self.sentence, str) or not self.sentence.strip():
            raise ValueError("A gate explains its number in a sentence.")

    @classmethod
    def within(cls, number: float, sentence: str, limit: float, harm: float | None) -> "GateResult":
        """Return the result for a number that holds above `limit`, and does harm above `harm`."""
        if harm is not None and number > harm:
            return cls(HARM, number, f"{sentence}, harm above {harm:g}")
        return cls(HOLD if number > limit else PASSES, number, f"{sentence}, limit {limit:g}")


@dataclass(frozen=True, slots=True)
class Gate:
    """A declared gate. `target` is the dotted name of a callable, a URL or a statement, by `kind`."""

    name: str
    kind: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer of a gate in the present stage; `at` is in unix seconds, when it was asked."""

    gate: str
    verdict: str
    """One of VERDICTS, FAULT or UNANSWERED."""
    number: float | None = None
    sentence: str = ""
    at: float | None = None

    @property
    def told(self) -> str:
        """Return the answer as a clause."""
        match self.verdict:
            case "fault":
                return f"gate {self.gate} has a fault: {self.sentence}"
            case "unanswered":
                return f"gate {self.gate} has not answered yet"
        does = {PASSES: "passes", HOLD: "holds", HARM: "finds harm"}[self.verdict]
        return f"gate {self.gate} {does} at {self.number:.4g}: {self.sentence}"


def gates_of(declared: Sequence[Mapping[str, Any]]) -> tuple[Gate, ...]:
    """Return the declared gates. Raises ValueError with a sentence."""
    gates = tuple(_gate_of(one) for one in declared)
    names = [gate.name for gate in gates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Two gates have the name {twice[0]!r}: each needs its own.")
    return gates


def _gate_of(declared: Mapping[str, Any]) -> Gate:
    name = declared.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of a gate: use 1 to 40 letters, digits, blanks and . _ - characters."
        )
    kinds = [kind for kind in KINDS if kind in declared]
    if len(kinds) != 1:
        raise ValueError(f"Gate {name!r} needs exactly one of {', '.join(KINDS)}.")
    [kind] = kinds
    needed, possible = KINDS[kind]
    options = {key: value for key, value in declared.items() if key not in COMMON and key != kind}
    if missing := sorted(needed - set(options)):
        raise ValueError(f"Gate {name!r} lacks {', '.join(missing)}.")
    if unknown := sorted(set(options) - needed - possible):
        raise ValueError(f"Gate {name!r} has an unknown option: {', '.join(unknown)}.")
    _check_values(name, {kind: declared[kind], "timeout_s": declared.get("timeout_s", TIMEOUT_S), **options})
    return Gate(name, kind, declared[kind], options, float(declared.get("timeout_s", TIMEOUT_S)))


def _check_values(name: str, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key in ("limit", "harm", "timeout_s"):
            is_right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        elif key == "headers":
            is_right = isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())
        else:
            is_right = isinstance(value, str) and bool(value.strip())
        if not is_right:
            raise ValueError(f"Gate {name!r} has an invalid {key}.")
    least, most = TIMEOUTS_S
    if not least <= values["timeout_s"] <= most:
        raise ValueError(f"Gate {name!r} has an invalid timeout_s: use {least:g} to {most:g} seconds.")
    if "harm" in values and values["harm"] < values["limit"]:
        raise ValueError(f"Gate {name!r} finds harm below its limit: use a higher number for harm.")


def answer_of(gate: str, result: object, at: float) -> Answer:
    """Return what a gate has answered. Raises TypeError for anything but a GateResult."""
    if not isinstance(result, GateResult):
        raise TypeError(f"a gate returns a GateResult, not {type(result).__name__}")
    return Answer(gate, result.verdict, float(result.number), plain(result.sentence), at)


def plain(sentence: str) -> str:
    """Return a sentence as a clause on one line that can be stored: without its last full stop."""
    words = " ".join("".join(one if one.isprintable() else " " for one in sentence).split())
    return words[:SENTENCE_MAX].rstrip(". ")


def gated(judgement: Judgement, stage: Stage, answers: Sequence[Answer]) -> Judgement:
    """Return the verdict with what the gates say.

    Harm rolls back as any other, also while something else holds. All other answers count where the rest would pass:
    earlier ones are about too little, and the step has to wait anyway.
    """
    judgement = replace(judgement, numbers={**judgement.numbers, "gates": [asdict(answer) for answer in answers]})
    if judgement.kind == HARM or not answers or not stage.weight_bp:
        return judgement
    where = percent(stage.weight_bp)
    if harms := [answer for answer in answers if answer.verdict == HARM]:
        return replace(judgement, kind=HARM, reason="gate", eta_s=None, sentence=f"Harm at {where}: {_listed(harms)}.")
    if judgement.kind != PASSES:
        return judgement
    if stopping := [answer for answer in answers if answer.verdict != PASSES]:
        sentence = f"Hold at {where}: {_listed(stopping)}."
        return replace(judgement, kind=HOLD, reason=_reason_of(stopping), sentence=sentence)
    return replace(judgement, sentence=f"{judgement.sentence} Gates: {_listed(answers)}.")


def _reason_of(stopping: Sequence[Answer]) -> str:
    """Return in a stable word why the gates stop the step: a gate holds, one has a fault, or one is still asked."""
    found = {answer.verdict for answer in stopping}
    if HOLD in found:
        return "gate"
    return "gate_fault" if FAULT in found else "gate_unanswered"


def _listed(answers: Sequence[Answer]) -> str:
    return "; ".join(answer.told for answer in answers)
