"""Forms that only parse: what a service then refuses becomes an error of the field it is about."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cms.errors import CmsError, Duplicate, InvalidInput, translated
from cms.ids import parse_uuid
from cms.models import Post


def add_refusal(form: forms.BaseForm, refusal: CmsError) -> None:
    """Put what a service refused on the fields it names; on the whole form where it names none that is shown."""
    shown = {bound.name for bound in form if not bound.is_hidden}
    found: list[tuple[str, str]] = [("", shown_refusal(refusal))]
    if isinstance(refusal, InvalidInput):
        found = [(error.field, translated(error.message)) for error in refusal.errors]
    elif isinstance(refusal, Duplicate):
        found = [(refusal.field, shown_refusal(refusal))]
    for field, message in found:
        form.add_error(field if field in shown else None, message)


def shown_refusal(refusal: CmsError) -> str:
    if isinstance(refusal, InvalidInput):
        return "; ".join(f"{error.field}: {translated(error.message)}" for error in refusal.errors)
    return translated(refusal.message)


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose values go to a service. The instance stays as the database has it."""

    refusal: CmsError | None = None
    """The service's refusal of these very values; `ServiceAdmin` sets it to show the form again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items() if self.instance.pk and not self.instance._state.adding else ():
            widget = getattr(field.widget, "widget", field.widget)  # within that of its buttons
            if isinstance(widget, _Suggested):
                had = self.initial.get(name)
                rows = had if isinstance(had, list | tuple) else [had]
                widget.kept = frozenset(str(getattr(row, "pk", row)) for row in rows if row)

    def _post_clean(self) -> None:
        """Replace Django's method, which would change the instance and judge it by the model's constraints."""
        if self.refusal:
            add_refusal(self, self.refusal)


_EMPTY_SLUG: Final[dict[str, Any]] = {
    "name": gettext_lazy("Empty: made from the name."),
    "title": gettext_lazy("Empty: made from the title."),
}


def offer_derived_slug(form: forms.BaseForm, source: str) -> None:
    """Let a new row leave its slug to the service; an old one has an address to lose."""
    if slug := form.fields.get("slug"):
        is_new = not form.initial.get("slug")
        slug.required = not is_new
        slug.help_text = _("The last part of the address.")
        if is_new:
            slug.help_text += f" {_EMPTY_SLUG[source]}"


class PlainTextField(forms.CharField):
    """A text kept as it is, except for line ends: browsers send CR LF for all of them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "strip": False})

    def to_python(self, value: Any) -> str:
        return with_plain_line_ends(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(with_plain_line_ends(initial or ""), data)


def whole_number(text: str | None) -> int | None:
    """Return the number of a revision or a version that a request names; None for any other text."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Suggested:
    """Shows a form with the names of rows that its reader may see, and of those that the form's object has already.

    An address or a form that is sent may name any others, or texts that are no ids.
    """

    shown_among: Callable[[list[str]], QuerySet[Any]] | None = None
    """Returns the rows among these ids whose names the reader may see."""
    kept: frozenset[str] = frozenset()
    """The ids that the object has already; `ServiceForm` sets them."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        ids = [one for one in value if one and parse_uuid(one)]
        if self.shown_among is not None and (others := [one for one in ids if one not in self.kept]):
            seen = {str(pk) for pk in self.shown_among(others).values_list("pk", flat=True)}
            ids = [one for one in ids if one in self.kept or str(parse_uuid(one)) in seen]
        return super().optgroups(name, [*ids, *(one for one in value if not one)], attr)  # type: ignore[misc]


class SuggestedSelect(_Suggested, AutocompleteSelect):
    """One row, suggested while one types."""


class SuggestedSelectMultiple(_Suggested, AutocompleteSelectMultiple):
    """Several of them."""


class TagNamesWidget(AutocompleteSelectMultiple):
    """Suggests tags while one types; Enter or a comma takes the typed name, be it new or known."""

    def __init__(self) -> None:
        attrs = {"data-tags": "true", "data-token-separators": '[","]'}
        super().__init__(Post._meta.get_field("tags"), admin.site, attrs=attrs)

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> list[Any]:
        options = [self.create_option(name, tag, tag, True, index) for index, tag in enumerate(value)]
        return [(None, options, 0)]


class TagNamesField(forms.Field):
    """The tags of a post by their names, as the service takes them."""

    widget = TagNamesWidget
    hidden_widget = forms.MultipleHiddenInput

    def prepare_value(self, value: Any) -> list[str]:
        return [getattr(tag, "name", tag) for tag in value or ()]

    def to_python(self, value: Iterable[str] | None) -> list[str]:
        return [name.strip() for name in value or () if name.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return set(self.prepare_value(initial)) != set(self.to_python(data))
