"""Sentences of verdicts, as `canary/core/wording.py`, `findings.py` and `policy.py` write them."""

from typing import Final

from django.utils.translation import gettext_noop as _

VERDICTS: Final = (
    _("no step up before %(at)s (freeze %(freeze)s)"),
    _("no step up before %(at)s (the date of the plan)"),
    _("no step up before %(at)s (the calendar can't be read: %(said)s)"),
    _("All else passes"),
    _("the plan begins at its date"),
    _("Gates: %(said)s"),
    _("gate %(name)s passes at %(figure)s: %(said)s"),
    _("gate %(name)s holds at %(figure)s: %(said)s"),
    _("gate %(name)s finds harm at %(figure)s: %(said)s"),
    _("gate %(name)s has a fault: %(said)s"),
    _("gate %(name)s has not answered yet"),
    _("%(said)s (evidence that v2 is worse, weighted, reached %(e)s of %(limit)s; %(rule)s)"),
    _("%(number)s s"),
    _("%(number)s min"),
    _("%(number)s h"),
    _("%(number)s days"),
    _("any"),
    _("1 user"),
    _("%(count)s users"),
    _("Harm at %(weight)s: %(said)s"),
    _("Hold at %(weight)s: %(said)s"),
    _("Pass at %(weight)s: %(said)s"),
    _("No data at %(weight)s: %(said)s"),
    _("Besides, %(said)s"),
    _("And %(count)s more findings"),
    _("Nobody is on v1, so the versions can't be compared any more: this is about v2 alone"),
    _("nobody is sent to v2, so only shadow reads tell of it"),
    _("not yet safe: %(said)s"),
    _("Missing: %(count)s more without an error, if none fails"),
    _("Missing: %(users)s of v2 without an error in their first three requests"),
    _("until some have come there is no estimate of when"),
    _("Time: %(said)s"),
    _("%(duration)s of at least %(least)s in this stage"),
    _("%(duration)s of the minimum time are missing: %(said)s"),
    _("no harm (%(said)s)"),
    _("safe: %(said)s"),
    _("no statement is repeated more often than on v1"),
    _("no shadow read differs"),
    _("except in 1 accepted way"),
    _("except in %(count)s accepted ways"),
    _("Next step: %(weight)s"),
    _("There is no further step"),
    _("%(users)s newly counted on v2 in %(duration)s"),
    _("everybody is sent to v2 in %(duration)s"),
    _("and of nobody is the outcome known (three requests, or an error)"),
    _("at the present share of failing users that does not come: look at the errors"),
    _("then go on or roll back by hand"),
    _("v1 exceeds the declared limit too: mend both, or declare a higher one"),
    _("too little is known yet of how users come back"),
    _("so there is no estimate of when"),
    _("at the present traffic and share of failing users in about %(duration)s"),
    _("that is long, so somebody may want to decide by hand"),
    _(
        "%(share)s of the %(count)s people who use the entrance in a week are too few for it: take a "
        "larger step, or decide by hand"
    ),
    _("at the traffic of this stage so far not within a week, so somebody may want to decide by hand"),
    _(
        "the measuring is broken, which says nothing of v2: %(count)s of %(users)s arrived on v2, where "
        "%(number)s are expected"
    ),
    _("evidence of a mismatch %(e)s, rule: %(limit)s or more freezes"),
    _("Look for requests that are not recorded or recorded under the wrong version"),
    _(
        "the A/A guard, which compares v1 with itself, alarms, so the measuring is in doubt: its evidence "
        "reached %(e)s of %(limit)s"
    ),
    _("Look for what ties users or their requests together"),
    _("nobody had %(what)s"),
    _("an error"),
    _("a refused request"),
    _(
        "of %(users)s with %(what)s, %(count)s was on v2, where %(number)s are expected if both versions "
        "are alike (the risk on v2: %(bounds)s)"
    ),
    _(
        "of %(users)s with %(what)s, %(count)s were on v2, where %(number)s are expected if both versions "
        "are alike (the risk on v2: %(bounds)s)"
    ),
    _("%(number)s times v1's, 95 %% bounds %(low)s to %(high)s"),
    _("95 %% bounds %(low)s to %(high)s"),
    _("nobody's latency was ranked yet"),
    _("latency of %(users)s was ranked, too few for an estimate"),
    _("v2's latency is %(bounds)s, %(users)s ranked"),
    _("%(number)s times with the warm-up of each step"),
    _("of %(count)s requests that one version alone failed, v2 failed %(number)s"),
    _("v2 was the slower one in %(number)s of %(count)s pairs of %(route)s"),
    _("most of it on %(routes)s"),
    _("evidence of %(tests)s"),
    _("errors %(e)s of %(limit)s"),
    _("latency %(e)s of %(limit)s"),
    _("refused requests %(e)s of %(limit)s"),
    _("errors of pairs %(e)s of %(limit)s"),
    _("times of pairs %(e)s of %(limit)s"),
    _("harm where one reaches its limit, at most 5 %% false alarms in a release"),
    _("%(test)s alone look worse on v2, evidence %(e)s of %(limit)s: %(said)s"),
    _("%(test)s alone looks worse on v2, evidence %(e)s of %(limit)s: %(said)s"),
    _("errors"),
    _("latency"),
    _("refused requests"),
    _("errors of pairs"),
    _("times of pairs"),
    _("not enough to roll back (%(rule)s)"),
    _("refused requests alone never roll back"),
    _("%(count)s of %(users)s of v2 had an error in their first three requests of this stage (%(stable)s)"),
    _("v1: %(count)s of %(number)s"),
    _("v1: none known"),
    _("that %(share)s or more of them fail, the declared limit, is ruled out, evidence %(e)s of the %(limit)s needed"),
    _(
        "that %(share)s or more of them fail, the declared limit, is not ruled out yet, evidence %(e)s of "
        "the %(limit)s needed"
    ),
    _("%(count)s observations of identities without a login were left out, one of a kind counts a network and stage"),
    _(
        "v2 sends statement %(name)s up to %(count)s times in one request of %(route)s (+%(number)s "
        "queries, an N+1), in %(requests)s requests"
    ),
    _("v1 repeats it %(count)s times (%(rule)s)"),
    _("v1 doesn't repeat it (%(rule)s)"),
    _(
        "rule: a statement %(count)s times or more in one request, in %(number)s requests or more, and "
        "over %(limit)s times as often as on v1"
    ),
    _("shadow reads differ in %(places)s that no declared mapping explains: %(gap)s (rule: none may differ)"),
    _("%(number)s place"),
    _("%(number)s places"),
    _("%(gap)s (%(kind)s, %(count)s reads), and %(number)s more"),
    _("%(gap)s (%(kind)s, %(count)s reads)"),
    _("%(method)s %(route)s at the whole answer"),
    _("%(method)s %(route)s at %(place)s"),
)
