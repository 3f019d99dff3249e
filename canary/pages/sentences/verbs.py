"""The help of verbs and of their options, as forms show it."""

from typing import Final

from django.utils.translation import gettext_noop as _

VERBS: Final = (
    _("set v2's share of the entrance"),
    _("pauses a running plan"),
    _("make the change that waits for the approval of a second person"),
    _("drop the change that waits for an approval"),
    _("send everybody back to v1 now, and keep them there until somebody acknowledges it"),
    _("release the latch of a rollback"),
    _("the weight stays 0"),
    _("begin a plan, whose steps are taken when the evidence allows"),
    _("pause the plan: take no step until somebody resumes it"),
    _("continue the plan at its first step above the weight"),
    _("take the plan's next step now"),
    _("send an identity to %(target)s regardless of its bucket"),
    _("take an identity off the list: its bucket decides again"),
    _("accept a benign difference: it holds no step any more, in this release and later ones"),
    _("stop accepting a difference: it holds steps again"),
    _("announce the end of v1, or move the date that was announced"),
    _("plan a window in which v1 is switched off"),
    _("end the running brownout now"),
    _("take v1 out of service, until `restore`"),
    _("go one state back, so that v1 answers again"),
    _("mail each consumer of v1 a list of its calls"),
    _("0..100, up to two decimals"),
    _("draw a new order of identities instead of keeping the last one"),
    _("KIND:ID, where KIND is user, key, client or anon"),
    _("skip every guard"),
    _("the event log keeps your name and reason"),
    _("also cancel later brownouts"),
    _("when v1 ends"),
    _("when it begins"),
    _("when it ends"),
    _("v1's verb and template, as `differences list` shows it"),
    _("how the answers differ, such as value or missing"),
    _("the place in v1's answer"),
    _("leave it out for the whole answer"),
    _("mailed"),
    _("no_address"),
)
