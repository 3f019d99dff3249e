"""Which verbs make sense in a state, for whom: the buttons of the page. What is refused is decided by the services."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from canary.core.lifecycle import ACTIVE, BROWNOUT, DEPRECATED, REMOVED, SUNSET
from canary.core.plans import HELD, PAUSED, RUNNING, is_active, next_step_bp
from canary.verbs.declaring import Verb
from canary.verbs.registry import find_verb

type Status = dict[str, Any]

WEIGHT: Final = "weight"
LISTS: Final = "lists"
LIFE: Final = "life"
FORMS: Final = ""
"""No button: the banner and the lists have a form or a link of their own."""


@dataclass(frozen=True, slots=True)
class Action:
    """A verb on the page."""

    words: str
    """As in its address, `lifecycle/brownout/add`."""
    label: str
    place: str
    fits: Callable[[Status], bool] = lambda status: True
    variant: str = "default"
    reason: str = ""
    """What the reason says unless it is written over: where every second counts."""

    @property
    def verb(self) -> Verb:
        verb = find_verb(tuple(self.words.split("/")))
        assert verb is not None
        return verb


def _plan_is(*states: str) -> Callable[[Status], bool]:
    return lambda status: status["plan"] is not None and status["plan"]["state"] in states


def _life_is(*states: str) -> Callable[[Status], bool]:
    return lambda status: status["lifecycle"] in states


def _may_promote(status: Status) -> bool:
    plan = status["plan"]
    return is_active(plan) and next_step_bp(plan["steps_bp"], status["weight_bp"]) is not None


def _may_roll_back(status: Status) -> bool:
    return not status["latched"] and status["is_v1_enabled"] and status["lifecycle"] not in (SUNSET, REMOVED)


ACTIONS: Final = (
    Action("rollback", "Roll back to v1", WEIGHT, _may_roll_back, "danger", "Rolled back by hand on the admin page."),
    Action("set", "Set the weight", WEIGHT, lambda status: not status["latched"]),
    Action("start", "Start a plan", WEIGHT, lambda status: not status["latched"] and not is_active(status["plan"])),
    Action("promote", "Take the next step", WEIGHT, lambda status: not status["latched"] and _may_promote(status)),
    Action("pause", "Pause the plan", WEIGHT, _plan_is(RUNNING, HELD)),
    Action("resume", "Resume the plan", WEIGHT, _plan_is(PAUSED, HELD)),
    Action("allow/add", "Send somebody to v2", LISTS),
    Action("exclude/add", "Keep somebody on v1", LISTS),
    Action("ack", "Acknowledge the rollback", FORMS, variant="primary"),
    Action("allow/remove", "Take off the allow list", FORMS),
    Action("exclude/remove", "Take off the exclude list", FORMS),
    Action("differences/accept", "Accept the difference", FORMS, variant="primary"),
    Action("differences/revoke", "Revoke the acceptance", FORMS, variant="primary"),
    Action("lifecycle/deprecate", "Deprecate v1", LIFE, _life_is(ACTIVE)),
    Action("lifecycle/deprecate", "Move the sunset", LIFE, _life_is(DEPRECATED, BROWNOUT)),
    Action("lifecycle/brownout/add", "Plan a brownout", LIFE, _life_is(DEPRECATED, BROWNOUT)),
    Action("lifecycle/brownout/end", "End the brownout", LIFE, _life_is(BROWNOUT)),
    Action("lifecycle/notify", "Notify the consumers", LIFE, _life_is(DEPRECATED, BROWNOUT)),
    Action("lifecycle/sunset", "Sunset v1", LIFE, _life_is(DEPRECATED, BROWNOUT), "danger"),
    Action("lifecycle/restore", "Restore v1", LIFE, _life_is(DEPRECATED, BROWNOUT, SUNSET)),
)


def actions_for(user: Any, status: Status) -> dict[str, list[Action]]:
    """By place, those that fit the state and that this user may do."""
    found: dict[str, list[Action]] = {WEIGHT: [], LISTS: [], LIFE: []}
    for action in ACTIONS:
        if action.place and action.fits(status) and user.has_perm(action.verb.permission):
            found[action.place].append(action)
    return found


def find_action(words: str) -> Action | None:
    return next((action for action in ACTIONS if action.words == words), None)
