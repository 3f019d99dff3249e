"""Sentences of breakers that tripped, and their names."""

from typing import Final

from django.utils.translation import gettext_noop as _

BREAKERS: Final = (
    _("total failure"),
    _("declared limit"),
    _("shared harm"),
    _("crashes"),
    _("wrong refusals"),
    _(
        "v2 fails totally: in the last %(duration)s %(count)s of %(number)s answers to %(users)s failed, "
        "%(share)s with every user counted alike, on v1 %(other)s (rule: %(rule)s)"
    ),
    _("%(share)s or more of at least %(limit)s answers, and v1 fails less than half as much"),
    _(
        "more of v2's users fail than the declared %(share)s: in the last 15 min %(failing)s had a failed "
        "answer, %(least_share)s at least, on v1 %(stable)s (rule: the lower %(number)s %% limit is above "
        "the declared one %(rule)s)"
    ),
    _("%(count)s of %(users)s (%(share)s)"),
    _("and above v1's upper 95 %% limit"),
    _("and above v1's upper 95 %% limit before the step"),
    _(
        "both versions have failed since the step: in its first 15 min %(failing)s on v2 and %(stable)s on "
        "v1 had a failed answer, in the 15 min before it %(before)s (rule: both lower %(number)s %% limits "
        "are above the declared %(share)s, from the first two minutes on, and it was less before)"
    ),
    _(
        "v2 is too slow on %(route)s: its p95 of the last five minutes is %(count)s ms, %(number)s times "
        "the %(e)s ms of %(stable)s (rule: %(rule)s)"
    ),
    _("v1 before the step"),
    _("v2 before the step"),
    _(
        "%(limit)s times in %(count)s windows of 5 min running with %(number)s requests of %(users)s, "
        "whichever %(low)s are left out"
    ),
    _(
        "v2 takes workers down: %(count)s died within the last 10 min while they answered %(number)s "
        "requests of v2 (rule: more than %(limit)s within 10 min)"
    ),
    _(
        "v2 refuses reads that v1 answers: in the last 15 min those of %(users)s, about %(share)s of all "
        "reads of v2 with every user counted alike (rule: %(number)s users and %(limit)s %%)"
    ),
)
