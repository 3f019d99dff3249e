"""Which version somebody gets, and why: the small form of the page. Takes a username or an identity."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from canary.core.values import V2, parse_identity
from canary.reporting.people import id_of
from canary.verbs.declaring import Call
from canary.verbs.performing import perform
from canary.verbs.registry import find_verb
from canary.verbs.wording import percent

TEXT_MAX: Final = 400
REASONS: Final = {
    "allow": "the list sends them to v2",
    "exclude": "the list keeps them on v1",
    "lifecycle_v2_off": "v2 is switched off",
    "lifecycle_v1_gone": "v1 is out of service",
    "lifecycle_brownout": "a brownout of v1 is running",
}


@dataclass(frozen=True, slots=True)
class Question:
    identity: str = ""
    lines: tuple[str, ...] = ()
    error: str = ""


def answer(text: str, actor: str, now: datetime) -> Question:
    """Raises StoreUnreachable."""
    text = text.strip()[:TEXT_MAX].replace("\0", "")
    if not text:
        return Question()
    user = id_of(text) if ":" not in text else None
    if user is None and ":" not in text:
        return Question(text, error=f"No user is named “{text}”. An identity is written like key:… or client:shop.")
    try:
        identity = parse_identity(text if user is None else f"user:{user}")
    except ValueError as error:
        return Question(text, error=str(error))
    verb = find_verb(("explain",))
    assert verb is not None
    result = dict(perform(verb, Call({"identity": identity}, actor, now, "", None)))
    first = f"{text} gets v{result['api_version']}: {_reason(result)}."
    return Question(text, (first, *[*verb.say(result)][1:]))


def _reason(result: dict[str, Any]) -> str:
    reason: str = result["reason"]
    if reason != "bucket":
        return REASONS.get(reason, reason)
    side = "below" if result["api_version"] == V2 else "not below"
    return f"their bucket {percent(result['bucket'])} is {side} the weight {percent(result['weight_bp'])}"
