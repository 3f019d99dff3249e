"""Forms that give a role ask for a name to be typed before somebody becomes an admin, as the list's action does."""

from functools import cached_property
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from cms.admin.forms import ServiceForm
from cms.choices import Role

TYPED_NAME: Final = "typed_name"
"""The field that a style sheet hides while another role is chosen."""


class RoleForm(ServiceForm):
    named_by: ClassVar[str] = "username"
    """The field whose value has to be typed once more."""

    typed_name = forms.CharField(
        label=gettext_lazy("Type the username to confirm"),
        required=False,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    @cached_property
    def changed_data(self) -> list[str]:
        """Without the confirmation, which no service stores."""
        return [name for name in super().changed_data if name != TYPED_NAME]

    def clean(self) -> Any:
        cleaned = super().clean()
        if "role" in self.changed_data and self.cleaned_data.get("role") == Role.ADMIN:
            self._compare_names()
        return cleaned

    def _compare_names(self) -> None:
        expected = getattr(self.instance, self.named_by) or self.cleaned_data.get(self.named_by)
        if expected and self.cleaned_data.get(TYPED_NAME) != expected:
            field = TYPED_NAME if TYPED_NAME in self.fields else "role"
            self.add_error(field, _("Type %(name)s to confirm the role Admin.") % {"name": expected})
