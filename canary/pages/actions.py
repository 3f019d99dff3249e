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
    done: str = ""
    """Said once it is done."""

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
    """Not where it would move nobody. It ends a plan, and while it is latched no brownout runs."""
    has_effect = status["weight_bp"] or is_active(status["plan"]) or status["lifecycle"] != ACTIVE
    is_possible = status["is_v1_enabled"] and status["lifecycle"] not in (SUNSET, REMOVED)
    return bool(has_effect and is_possible and not status["latched"])


ROLLED_BACK: Final = "Rolled back by hand on the admin page."
ACTIONS: Final = (
    Action("rollback", "Roll back to v1", WEIGHT, _may_roll_back, "danger", ROLLED_BACK, done="v2 is rolled back."),
    Action("set", "Set the weight", WEIGHT, lambda status: not status["latched"], done="The weight is set."),
    Action(
        "start",
        "Start a plan",
        WEIGHT,
        lambda status: not status["latched"] and not is_active(status["plan"]),
        done="The plan has started.",
    ),
    Action(
        "promote",
        "Take the next step",
        WEIGHT,
        lambda status: not status["latched"] and _may_promote(status),
        done="The step is taken.",
    ),
    Action("pause", "Pause the plan", WEIGHT, _plan_is(RUNNING, HELD), done="The plan is paused."),
    Action("resume", "Resume the plan", WEIGHT, _plan_is(PAUSED), done="The plan runs again."),
    Action("allow/add", "Send somebody to v2", LISTS, done="The list sends them to v2."),
    Action("exclude/add", "Keep somebody on v1", LISTS, done="The list keeps them on v1."),
    Action("ack", "Acknowledge the rollback", FORMS, variant="primary", done="The rollback is acknowledged."),
    Action("allow/remove", "Take off the allow list", FORMS, done="The list names them no more."),
    Action("exclude/remove", "Take off the exclude list", FORMS, done="The list names them no more."),
    Action(
        "differences/accept",
        "Accept the difference",
        FORMS,
        variant="primary",
        done="The difference is accepted and holds no step any more.",
    ),
    Action(
        "differences/revoke",
        "Revoke the acceptance",
        FORMS,
        variant="primary",
        done="The acceptance is revoked, so the difference holds the next step again.",
    ),
    Action("lifecycle/deprecate", "Deprecate v1", LIFE, _life_is(ACTIVE), done="The end of v1 is announced."),
    Action("lifecycle/deprecate", "Move the sunset", LIFE, _life_is(DEPRECATED, BROWNOUT)),
    Action(
        "lifecycle/brownout/add",
        "Plan a brownout",
        LIFE,
        _life_is(DEPRECATED, BROWNOUT),
        done="The brownout is planned.",
    ),
    Action("lifecycle/brownout/end", "End the brownout", LIFE, _life_is(BROWNOUT), done="The brownout is over."),
    Action(
        "lifecycle/notify",
        "Notify the consumers",
        LIFE,
        _life_is(DEPRECATED, BROWNOUT),
        done="The consumers are notified.",
    ),
    Action(
        "lifecycle/sunset",
        "Sunset v1",
        LIFE,
        _life_is(DEPRECATED, BROWNOUT),
        "danger",
        done="v1 is out of service.",
    ),
    Action("lifecycle/restore", "Restore v1", LIFE, _life_is(DEPRECATED, BROWNOUT, SUNSET), done="v1 is restored."),
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
