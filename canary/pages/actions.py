"""The verbs that make sense in a state, for each user: the buttons of the page. The services decide what is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as _

from canary.core.approvals import ENDS_OF_STABLE
from canary.core.lifecycle import ACTIVE, ADVANCE, BROWNOUT, DEPRECATED, REMOVED, SUNSET
from canary.core.plans import HELD, PAUSED, RUNNING, is_active, next_step_bp
from canary.pages.crossing import is_crossing
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
    """A verb on the page, with its words in English: they are translated where they are shown."""

    words: str
    """As in its address, `lifecycle/brownout/add`."""
    label: str
    place: str
    fits: Callable[[Status], bool] = lambda status: True
    variant: str = "default"
    reason: str = ""
    """The reason that the form begins with, for verbs where every second counts."""
    done: str = ""
    """The message once it is done."""

    @property
    def verb(self) -> Verb:
        verb = find_verb(tuple(self.words.split("/")))
        assert verb is not None
        return verb


def _plan_is(*states: str) -> Callable[[Status], bool]:
    return lambda status: status["plan"] is not None and status["plan"]["state"] in states


def _life_is(*states: str) -> Callable[[Status], bool]:
    return lambda status: status["lifecycle"] in states


def _is_v1_there(status: Status) -> bool:
    """Return whether v1 answers anybody whom its end is announced to."""
    return status["lifecycle"] in (DEPRECATED, BROWNOUT) or bool(status["life"]["extensions"])


def _may_promote(status: Status) -> bool:
    plan = status["plan"]
    return is_active(plan) and next_step_bp(plan["steps_bp"], status["weight_bp"]) is not None


def _may_roll_back(status: Status) -> bool:
    """Return whether a rollback would move anybody. It ends a plan, and while it is latched no brownout runs."""
    has_effect = status["weight_bp"] or is_active(status["plan"]) or status["lifecycle"] != ACTIVE
    has_effect = has_effect or is_crossing(status)
    is_possible = status["is_v1_enabled"] and status["lifecycle"] not in (SUNSET, REMOVED)
    return bool(has_effect and is_possible and not status["latched"])


def _may_change(status: Status) -> bool:
    """Return whether neither a latch nor a crossover refuses another weight."""
    return not status["latched"] and not is_crossing(status)


def _may_cross_over(status: Status) -> bool:
    is_free = _may_change(status) and not status["weight_bp"] and not is_active(status["plan"])
    return bool(is_free and status["lifecycle"] == ACTIVE and status["is_v1_enabled"] and status["is_v2_enabled"])


ROLLED_BACK: Final = _("Rolled back by hand on the admin page.")
ACTIONS: Final = (
    Action(
        "rollback", _("Roll back to v1"), WEIGHT, _may_roll_back, "danger", ROLLED_BACK, done=_("v2 is rolled back.")
    ),
    Action(
        "approve",
        _("Approve the change"),
        WEIGHT,
        lambda status: status["request"] is not None and status["request"]["verb"] not in ENDS_OF_STABLE,
        "primary",
        done=_("The change is approved and made."),
    ),
    Action(
        "reject",
        _("Reject the change"),
        WEIGHT,
        lambda status: status["request"] is not None,
        done=_("The change is rejected."),
    ),
    Action("set", _("Set the weight"), WEIGHT, _may_change, done=_("The weight is set.")),
    Action(
        "start",
        _("Start a plan"),
        WEIGHT,
        lambda status: _may_change(status) and not is_active(status["plan"]),
        done=_("The plan has started."),
    ),
    Action("crossover/start", _("Start a crossover"), WEIGHT, _may_cross_over, done=_("The crossover has started.")),
    Action("crossover/stop", _("Stop the crossover"), WEIGHT, is_crossing, done=_("The crossover is stopped.")),
    Action(
        "promote",
        _("Take the next step"),
        WEIGHT,
        lambda status: not status["latched"] and _may_promote(status),
        done=_("The step is taken."),
    ),
    Action("pause", _("Pause the plan"), WEIGHT, _plan_is(RUNNING, HELD), done=_("The plan is paused.")),
    Action("resume", _("Resume the plan"), WEIGHT, _plan_is(PAUSED), done=_("The plan runs again.")),
    Action("allow/add", _("Send somebody to v2"), LISTS, done=_("The list sends them to v2.")),
    Action("exclude/add", _("Keep somebody on v1"), LISTS, done=_("The list keeps them on v1.")),
    Action("ack", _("Acknowledge the rollback"), FORMS, variant="primary", done=_("The rollback is acknowledged.")),
    Action("allow/remove", _("Take off the allow list"), FORMS, done=_("They are no longer on the list.")),
    Action("exclude/remove", _("Take off the exclude list"), FORMS, done=_("They are no longer on the list.")),
    Action(
        "differences/accept",
        _("Accept the difference"),
        FORMS,
        variant="primary",
        done=_("The difference is accepted and holds no step any more."),
    ),
    Action(
        "differences/revoke",
        _("Revoke the acceptance"),
        FORMS,
        variant="primary",
        done=_("The acceptance is revoked, so the difference holds the next step again."),
    ),
    Action("lifecycle/deprecate", _("Deprecate v1"), LIFE, _life_is(ACTIVE), done=_("The end of v1 is announced.")),
    Action("lifecycle/deprecate", _("Move the sunset"), LIFE, _life_is(DEPRECATED, BROWNOUT)),
    Action(
        "lifecycle/brownout/add",
        _("Plan a brownout"),
        LIFE,
        _is_v1_there,
        done=_("The brownout is planned."),
    ),
    Action(
        "lifecycle/brownout/end",
        _("End the brownout"),
        LIFE,
        lambda status: status["lifecycle"] == BROWNOUT or bool(status["life"]["own_brownouts"]),
        done=_("The brownout is over."),
    ),
    Action("lifecycle/notify", _("Notify the consumers"), LIFE, _is_v1_there, done=_("The consumers are notified.")),
    Action(
        "lifecycle/extend",
        _("Extend v1 for one consumer"),
        LIFE,
        _life_is(DEPRECATED, BROWNOUT, SUNSET),
        done=_("The extension is changed."),
    ),
    Action(
        "lifecycle/sunset",
        _("Sunset v1"),
        LIFE,
        _life_is(DEPRECATED, BROWNOUT),
        "danger",
        done=_("v1 is out of service."),
    ),
    Action(
        "lifecycle/restore", _("Restore v1"), LIFE, _life_is(DEPRECATED, BROWNOUT, SUNSET), done=_("v1 is restored.")
    ),
    Action(
        "lifecycle/advance",
        _("Begin the next journey"),
        LIFE,
        lambda status: f"`{ADVANCE}`" in (status["between_journeys"] or ""),
        "primary",
        done=_("The next journey has begun: nobody has moved."),
    ),
)


def actions_for(user: Any, status: Status) -> dict[str, list[Action]]:
    """Return by place the actions that fit the state and that this user may do."""
    found: dict[str, list[Action]] = {WEIGHT: [], LISTS: [], LIFE: []}
    for action in ACTIONS:
        if action.place and action.fits(status) and user.has_perm(action.verb.permission):
            found[action.place].append(action)
    return found


def find_action(words: str) -> Action | None:
    return next((action for action in ACTIONS if action.words == words), None)
