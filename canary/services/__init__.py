"""Every change of the rollout: the one door for command line, control API, admin page, controller and environment.

Each is atomic, compares the version that its caller has seen, writes one event, and returns the row after the change.
They don't ask who may do it: that is asked where a person comes in. Changes of v1's life are in `canary.services.life`.
"""

from canary.services.approvals import approve_request, reject_request
from canary.services.builds import apply_build
from canary.services.changing import change_rollout
from canary.services.crossovers import end_crossover, start_crossover
from canary.services.differences import accept_difference, revoke_difference
from canary.services.environment import apply_environment
from canary.services.guarding import watch_controller
from canary.services.journeys import advance
from canary.services.lists import add_to_list, remove_from_list
from canary.services.plans import hold_plan, pause_plan, promote_plan, resume_plan, start_plan
from canary.services.weights import acknowledge, roll_back, set_weight

__all__ = [
    "accept_difference",
    "acknowledge",
    "add_to_list",
    "advance",
    "apply_build",
    "apply_environment",
    "approve_request",
    "change_rollout",
    "end_crossover",
    "hold_plan",
    "pause_plan",
    "promote_plan",
    "reject_request",
    "remove_from_list",
    "resume_plan",
    "revoke_difference",
    "roll_back",
    "set_weight",
    "start_crossover",
    "start_plan",
    "watch_controller",
]
