"""Sentences about crossovers: their verdicts, what to do next, and why one can't begin."""

from typing import Final

from django.utils.translation import gettext_noop as _

CROSSOVERS: Final = (
    _("crossover"),
    _("crossover after %(count)s of %(number)s pairs of periods of %(consumers)s: %(said)s"),
    _("Crossover after %(count)s of %(number)s pairs of periods of %(consumers)s: %(said)s"),
    _("1 consumer"),
    _("%(count)s consumers"),
    _("v2 harms its consumers: %(said)s"),
    _("no harm so far: %(said)s"),
    _("no harm: %(said)s"),
    _("too little was seen: %(said)s"),
    _("v2 failed more in %(count)s of them and v1 in %(number)s, evidence %(e)s (rule: harm from %(limit)s on)"),
    _("%(consumers)s sent fewer than %(limit)s requests to a version"),
    _(
        "v2 harms %(identity)s: %(share)s of its requests failed on v2, %(other)s on v1, and pairs as bad as these come"
        " by chance in one of %(count)s cases"
    ),
    _(
        "%(identity)s: %(share)s of its requests failed on v2, %(other)s on v1, and pairs as bad as these come by"
        " chance in one of %(count)s cases"
    ),
    _("and %(count)s more"),
    _("Nothing to do: the first period begins within seconds"),
    _("Nothing to do: it ends by itself, and harm by v2 rolls it back"),
    _("Nothing to do: the controller judges the last period within seconds"),
    _("Start a plan: v2 did no harm to these consumers"),
    _("Start another one with other consumers or longer periods"),
    _("Repair v2, then acknowledge the rollback"),
    _("Start another one, or a plan"),
    _("The crossover of %(consumers)s has ended: %(said)s"),
    _("The crossover of %(consumers)s runs until %(at)s"),
    _("The crossover of %(consumers)s runs until %(at)s, in period %(number)s of %(count)s"),
    _("pass"),
    _("no data"),
    _("rolled back"),
    _("stopped"),
    _("A crossover is running: `crossover stop` ends it"),
    _("No crossover is running"),
    _("a crossover of %(consumers)s waits for the approval of a second person"),
    _("A crossover of %(consumers)s waits for the approval of a second person"),
    _("`rollback` ends it"),
    _("v2 has %(weight)s"),
    _("a crossover begins at 0 %%"),
    _("v1 is %(state)s"),
    _("a crossover needs both versions in service"),
    _("One of the versions is switched off"),
    _("a crossover needs both"),
    _("The lists already choose the version of %(names)s: take them off first"),
    _("No consumer was named: a crossover has 1 to %(high)s consumers"),
    _("%(count)s consumers are too many: a crossover has 1 to %(high)s consumers"),
    _("With more, start a plan"),
    _("A consumer is named twice"),
    _("%(identity)s is anonymous: a crossover takes consumers of the kinds %(kinds)s"),
    _("A crossover has %(low)s to %(high)s pairs of periods, not %(count)s"),
    _("A period takes %(low)s s to %(high)s days, not %(count)s s"),
    _("All periods together take at most %(number)s days: name fewer pairs or a shorter period"),
    _("No user, key or client has used the entrance in the last %(number)s days"),
    _(
        "More than %(count)s consumers have used the entrance in the last %(number)s days: name up to %(limit)s of"
        " them, or start a plan"
    ),
    _("Not seen on the entrance in the last %(number)s days: %(names)s"),
)
