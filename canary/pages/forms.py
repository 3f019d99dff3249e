"""A verb's options as a form, parsed by the same functions as on the command line and in the control API."""

from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from canary.conf import canary_conf
from canary.core.plans import default_steps
from canary.pages.speaking import spoken, told
from canary.services.changing import REASON_MAX
from canary.verbs.declaring import REASON, Option, Verb

LABELS: Final = {
    "percent": gettext_noop("Share of v2 in percent"),
    "plan": gettext_noop("Steps in percent"),
    "min_minutes": gettext_noop("Minimum minutes of each step"),
    "max_errors": gettext_noop("Limit of users with an error in percent"),
    "max_slowdown": gettext_noop("Limit of latency, as a multiple of v1's"),
    "max_crashes": gettext_noop("Limit of workers that die"),
    "max_refusals": gettext_noop("Limit of wrongly refused reads in percent"),
    "total_failure": gettext_noop("Total failure, in percent of answers"),
    "fresh_cohort": gettext_noop("Fresh cohort"),
    "accept_low_power": gettext_noop("Start although it can hardly pass"),
    "at": gettext_noop("Dates of the steps"),
    "freezes": gettext_noop("Freezes of the plan"),
    "time_zone": gettext_noop("Time zone"),
    "despite_freeze": gettext_noop("Step up despite a freeze"),
    "consumers": gettext_noop("Consumers"),
    "period_minutes": gettext_noop("Minutes of each period"),
    "pairs": gettext_noop("Pairs of periods"),
    "identity": gettext_noop("Identity"),
    "sunset": gettext_noop("End of v1 (UTC)"),
    "from": gettext_noop("From (UTC)"),
    "to": gettext_noop("To (UTC)"),
    "override": gettext_noop("Override the guards"),
    "all": gettext_noop("Later brownouts too"),
    "consumer": gettext_noop("Consumer"),
    "until": gettext_noop("Until (UTC)"),
    "off": gettext_noop("End the extension"),
    "told_only": gettext_noop("Only for those who were told"),
    "route": gettext_noop("Route of v1"),
    "kind": gettext_noop("Kind of difference"),
    "path": gettext_noop("Place in the answer"),
}
HELP: Final = {
    "plan": gettext_noop(
        "Rising shares of v2, with commas between. The first is the weight as soon as the plan starts."
    ),
    "min_minutes": gettext_noop("10080 minutes are a week."),
    "at": gettext_noop(
        "Optional, such as 2026-12-08T10:00, with commas between. No step is taken before its date. Give one fewer than"
        " steps to take the first one at once."
    ),
    "freezes": gettext_noop("Optional, such as Fri 12:00/Mon 08:00: no step is taken in these times."),
    "time_zone": gettext_noop("Optional: the zone of these dates and freezes, such as Europe/Berlin."),
    "despite_freeze": gettext_noop("The event log keeps this choice."),
    "consumers": gettext_noop(
        "Such as key:ab12 or client:erp, with commas between. Without names it is all that were seen in the last 7"
        " days."
    ),
    "period_minutes": gettext_noop("How long a consumer stays on a version: long enough for some twenty requests."),
    "pairs": gettext_noop("4 to 20. Harm to a single consumer is found with 10 or more."),
    "max_errors": gettext_noop(
        "v2 is rolled back when more than this percentage of its users have a failed answer within 15 minutes."
    ),
    "max_slowdown": gettext_noop("v2 is rolled back when a route's p95 is this many times v1's for 15 minutes."),
    "max_crashes": gettext_noop(
        "v2 is rolled back when more workers than this die within 10 minutes while it answers in them."
    ),
    "max_refusals": gettext_noop(
        "v2 is rolled back when it refuses this percentage of its reads, and v1 answers them."
    ),
    "total_failure": gettext_noop("v2 is rolled back after as few as ten answers when this percentage of them fails."),
    "accept_low_power": gettext_noop(
        "You then have to take by hand the steps that can't pass. The event log keeps this choice."
    ),
}
"""In place of the option's own words."""
INITIAL: Final = {"min_minutes": "10080", "period_minutes": "60", "pairs": "10"}
INSTANTS: Final = ("sunset", "from", "to", "until")
DECIMALS: Final = (
    "percent",
    "min_minutes",
    "period_minutes",
    "max_errors",
    "max_slowdown",
    "max_refusals",
    "total_failure",
)
FOLDED: Final = ("max_errors", "max_slowdown", "max_crashes", "max_refusals", "total_failure")
"""The limits of the protection, which few plans change."""


class OptionField(forms.CharField):
    """Cleaned to what the option's own parser makes of the text."""

    def __init__(self, option: Option, **kwargs: Any) -> None:
        super().__init__(required=option.is_required, **kwargs)
        self._option = option

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self._option.default
        assert self._option.parse is not None
        try:
            return self._option.parse(text)
        except ValueError as error:
            raise forms.ValidationError(spoken(str(error))) from error


class OptionsForm(forms.Form):
    """The options of a verb, reason and version aside."""

    def __init__(self, verb: Verb, data: QueryDict | None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        for option in verb.options:
            self.fields[option.name] = _field_of(option)

    @property
    def plain(self) -> list[forms.BoundField]:
        return [bound for bound in self if bound.name not in FOLDED]

    @property
    def folded(self) -> list[forms.BoundField]:
        return [bound for bound in self if bound.name in FOLDED]

    @property
    def is_open(self) -> bool:
        """Return whether a folded field has an error that has to be seen."""
        return any(bound.errors for bound in self.folded)

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Return the chosen values, as label and text; for a form that is valid."""
        given = ((str(bound.label), bound.data) for bound in self)
        return [(label, _("yes") if value in ("on", True) else str(value)) for label, value in given if value]

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Return the fields that a second form has to send for the same choice."""
        return [(bound.html_name, str(bound.data)) for bound in self if bound.data]


def first_values(weight_bp: int) -> dict[str, str]:
    """Return the values that a form begins with at the weight in force."""
    limits = canary_conf().limits
    return {
        "plan": ",".join(f"{step_bp / 100:g}" for step_bp in default_steps(weight_bp)),
        "max_errors": f"{limits.max_errors_bp / 100:g}",
        "max_slowdown": f"{limits.max_slowdown:g}",
        "max_crashes": f"{limits.max_crashes}",
        "max_refusals": f"{limits.max_refusals_bp / 100:g}",
        "total_failure": f"{limits.total_failure_bp / 100:g}",
    }


class ChangeForm(forms.Form):
    """Why, and on the grounds of which state: two people can't overwrite each other's change."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_MAX,
        help_text=gettext_lazy("Kept in the event log, beside your name."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    expected_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")

    def clean_reason(self) -> str:
        assert REASON.parse is not None
        try:
            reason: str = REASON.parse(self.cleaned_data["reason"])
        except ValueError as error:
            raise forms.ValidationError(spoken(str(error))) from error
        return reason


def _field_of(option: Option) -> forms.Field:
    label = _(LABELS[option.name]) if option.name in LABELS else option.name
    help_text = _(HELP[option.name]) if option.name in HELP else told(option.help)
    if option.is_flag:
        return forms.BooleanField(label=label, help_text=help_text, required=False)
    widget: forms.Widget = forms.TextInput(attrs={"autocomplete": "off"})
    if option.name in INSTANTS:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
        help_text = told(option.help.partition(":")[0])
    elif option.name in DECIMALS:
        widget.attrs["inputmode"] = "decimal"
    return OptionField(option, label=label, help_text=help_text, widget=widget, initial=INITIAL.get(option.name))
