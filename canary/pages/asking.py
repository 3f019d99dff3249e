"""Which version somebody gets, and why: the small form of the page. Takes a username or an identity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from canary.core.values import parse_identity
from canary.pages.speaking import spoken
from canary.reporting.people import id_of
from canary.verbs.declaring import Call
from canary.verbs.performing import perform
from canary.verbs.registry import find_verb
from canary.verbs.wording import percent

TEXT_MAX: Final = 400
UNKNOWN: Final = gettext_noop("No user is named “%(name)s”. An identity is written like key:… or client:shop.")
REASONS: Final = {
    "allow": gettext_noop("the list sends them to v2"),
    "exclude": gettext_noop("the list keeps them on v1"),
    "crossover": gettext_noop("a crossover is running, and its schedule chooses for them"),
    "lifecycle_v2_off": gettext_noop("v2 is switched off"),
    "lifecycle_v1_gone": gettext_noop("v1 is out of service"),
    "extension": gettext_noop("v1 is out of service, and they have an extension"),
    "lifecycle_brownout": gettext_noop("a brownout of v1 is running"),
}


@dataclass(frozen=True, slots=True)
class Question:
    identity: str = ""
    lines: tuple[str, ...] = ()
    error: str = ""


def answer(text: str, actor: str, now: datetime) -> Question:
    """Answer the question. Raises StoreUnreachable."""
    text = text.strip()[:TEXT_MAX].replace("\0", "")
    if not text:
        return Question()
    user = id_of(text) if ":" not in text else None
    if user is None and ":" not in text:
        return Question(text, error=_(UNKNOWN) % {"name": text})
    try:
        identity = parse_identity(text if user is None else f"user:{user}")
    except ValueError as error:
        return Question(text, error=spoken(str(error)))
    verb = find_verb(("explain",))
    assert verb is not None
    result = dict(perform(verb, Call({"identity": identity}, actor, now, "", None)))
    named = {"name": text, "number": result["api_version"], "reason": reason_of(result)}
    return Question(text, (_("%(name)s gets v%(number)s: %(reason)s.") % named, *map(spoken, [*verb.say(result)][1:])))


def reason_of(result: Mapping[str, Any]) -> str:
    """Return why this version answers, of a result with `reason`, `bucket`, `weight_bp` and `api_version`."""
    reason: str = result["reason"]
    if reason != "bucket":
        return _(REASONS[reason]) if reason in REASONS else reason
    compared = {"bucket": percent(result["bucket"]), "weight": percent(result["weight_bp"])}
    if result["bucket"] < result["weight_bp"]:
        return _("their bucket %(bucket)s is below the weight %(weight)s") % compared
    return _("their bucket %(bucket)s is not below the weight %(weight)s") % compared
