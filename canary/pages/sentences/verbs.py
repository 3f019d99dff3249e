"""The help of verbs and of their options, as forms show it."""

from typing import Final

from django.utils.translation import gettext_noop as _

VERBS: Final = (
    _("set v2's share of the entrance"),
    _("pauses a running plan"),
    _("everybody back to v1 now, and latched there until somebody acknowledges it"),
    _("release the latch of a rollback"),
    _("the weight stays 0"),
    _("begin a plan: steps that are taken when the evidence allows"),
    _("take no step of the plan until somebody resumes it"),
    _("go on with the plan at its first step above the weight"),
    _("take the plan's next step now"),
    _("send an identity to %(target)s in spite of its bucket"),
    _("let the bucket decide again about an identity"),
    _("let a benign difference hold no step, in this release and in later ones"),
    _("let an accepted difference hold again"),
    _("announce the end of v1, or move the date that was announced"),
    _("plan a window in which v1 is switched off"),
    _("end the running brownout now"),
    _("take v1 out of service, until `restore`"),
    _("one state back, and v1 answers again"),
    _("mail each consumer of v1 what it still calls"),
    _("0..100, up to two decimals"),
    _("draw a new order of identities instead of keeping the last one"),
    _("KIND:ID with KIND user, key, client or anon"),
    _("skip every guard"),
    _("recorded with name and reason"),
    _("take back those ahead as well"),
    _("when v1 ends"),
    _("when it begins"),
    _("when it ends"),
    _("v1's verb and template, as `differences list` shows it"),
    _("how the answers differ, such as value or missing"),
    _("the place in v1's answer"),
    _("left out for the whole answer"),
    _("mailed"),
    _("no_address"),
)
