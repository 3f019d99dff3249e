"""Sentences about a plan's power, as `canary/core/power/wording.py` writes them."""

from typing import Final

from django.utils.translation import gettext_noop as _

POWER: Final = (
    _(
        "No records tell who uses the entrance, so nobody knows what this plan can find: how many people "
        "will use v2, and when a step can pass"
    ),
    _("In the last %(duration)s, %(count)s people used the entrance, with %(number)s requests a minute"),
    _("Nobody was judged on v1 yet"),
    _("the chances assume that %(share)s have an error there"),
    _("%(count)s of %(number)s users of v1 had an error in their first requests"),
    _(
        "The step of %(weight)s can hardly pass in %(duration)s (four times its minimum time, and at least "
        "an hour): with %(share)s of users failing and %(other)s allowed, no number of users is enough"
    ),
    _(
        "The step of %(weight)s can hardly pass in %(duration)s (four times its minimum time, and at least "
        "an hour): with %(share)s of users failing and %(other)s allowed, %(count)s people have to be "
        "judged on both versions together, and %(number)s will be"
    ),
    _("No other steps can pass either: take them by hand, or allow more users to fail"),
    _("Better: steps of %(steps)s %% that last at least %(number)s minutes each"),
    _("%(weight)s: nothing is known"),
    _("%(weight)s: about %(count)s users of v2 (%(low)s to %(high)s) in %(duration)s"),
    _("%(weight)s: %(duration)s of records are too few to say how many users of v2 come in %(other)s"),
    _("v2 has fewer than %(count)s answers in %(duration)s, so finding a total failure takes long"),
    _("A total failure is found in about %(duration)s"),
    _("Nobody is left on v1 to compare with"),
    _("Chances to find, at least: %(chances)s"),
    _("twice the errors unknown"),
    _("twice the errors %(share)s"),
    _("five times the errors unknown"),
    _("five times the errors %(share)s"),
    _("50 %% more latency unknown"),
    _("50 %% more latency %(share)s"),
    _("Enough users are judged after about %(duration)s"),
    _("It can hardly pass (chance %(share)s)"),
    _("%(duration)s of records are too few to say whether it can pass"),
)
