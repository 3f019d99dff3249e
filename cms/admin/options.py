"""The common parts of all pages of the admin site. Services make the changes, `cms/policy.py` decides who may."""

import datetime
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin as DjangoModelAdmin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ActionLocation, IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.forms import ActionForm
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from cms import clock, policy
from cms.admin.counting import CappedPaginator
from cms.admin.dialogs import Change, Words, for_selected
from cms.admin.each import LEFT_BELOW
from cms.admin.forms import PlainTextField, ServiceForm, SuggestedSelect, SuggestedSelectMultiple, shown_refusal
from cms.admin.shown import shown_instant
from cms.errors import CmsError
from cms.ids import parse_uuid
from cms.policy import Actor

SENT_BY_FILTERS: Final = ("exact", "isnull", "gte", "lt", "id__exact")
"""The lookups in the links of Django's filters of a column."""


def instant_column(name: str, label: Any) -> Callable[[Any, Any], str]:
    """Return a column of instants in the user's time zone, each on one line."""

    @display(description=label, ordering=name)
    def column(model_admin: Any, row: Any) -> str:
        return shown_instant(getattr(row, name))

    return column


def wide(text: str, language: str = "") -> str:
    """Return a text that keeps room to be read on a phone, and breaks rather than push other columns out."""
    named = format_html(' lang="{}"', language) if language else ""
    return format_html('<span class="wide-text" dir="auto"{}>{}</span>', named, text)


class NamedActionForm(ActionForm):  # type: ignore[misc]
    """The choice of an action with a name for those who hear the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].widget.attrs["aria-label"] = _("Action")


class LightChangeList(ChangeList):  # type: ignore[misc]
    """A list without the long texts of its rows."""

    def get_filters(self, request: HttpRequest) -> Any:
        """Refuse a filter by a text that PostgreSQL can't hold."""
        if any("\x00" in value for values in self.filter_params.values() for value in values):
            raise IncorrectLookupParameters
        return super().get_filters(request)

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        return super().get_queryset(*args, **kwargs).defer(*self.model_admin.unlisted_fields)

    def get_results(self, request: HttpRequest) -> None:
        """Search once for what is not there: Django counts nothing, and searches again for its rows."""
        super().get_results(request)
        if not self.result_count:
            self.result_list = self.root_queryset.none()


WORDS_MAX: Final = 20


def within_words(term: str) -> str:
    """Return the first words of a search. A statement for more of them grows with their square."""
    return " ".join(term.split(maxsplit=WORDS_MAX)[:WORDS_MAX])


class ServiceAdmin(ModelAdmin):  # type: ignore[misc]
    """Pages whose every change is one call of a service. They have no editable inlines: only a form is saved."""

    form = ServiceForm
    action_form = NamedActionForm
    formfield_overrides = {
        models.TextField: {"form_class": PlainTextField, "widget": UnfoldAdminTextareaWidget},
    }
    list_per_page = 50
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER  # counts of whole tables
    show_full_result_count = False  # a second count of the whole table
    warn_unsaved_form = True
    unlisted_fields: tuple[str, ...] = ()
    linked_lookups: tuple[str, ...] = ()
    """Lookups that links to the list send, beside those of its filters."""
    empty_text: str | Promise = ""
    """Shown in a list without rows: what its rows are for."""
    may_manage: Callable[[Actor], bool]
    """Who sees and uses these pages: a predicate of `cms/policy.py`, as a staticmethod."""
    create: Callable[[Actor, Any, datetime.datetime], Any]
    """The service that makes a row of the fields that were filled in; pages without an add button have none."""
    update: Callable[[Actor, Any, Any, datetime.datetime], Any]
    """The service that changes of a row the fields that were changed, and gives it back."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, within_words(search_term))
        return found

    def suggestable(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of its rows that other forms suggest."""
        return rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only the lookups of the list's filters and links. Django allows any column, open to guessing."""
        allowed: set[str | None] = {LEFT_BELOW, *self.linked_lookups}
        for one in self.get_list_filter(request):
            if isinstance(one, type) and issubclass(one, SimpleListFilter):
                allowed.add(one.parameter_name)
            else:
                allowed.update(f"{one}__{sent}" for sent in SENT_BY_FILTERS)
        return lookup in allowed

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super().get_object(request, object_id, from_field or None)  # `?_to_field=` names none

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", self._suggested(SuggestedSelect, db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", self._suggested(SuggestedSelectMultiple, db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _suggested(self, kind: type[Any], db_field: Any, request: HttpRequest) -> Any:
        widget, related = kind(db_field, self.admin_site), self.admin_site._registry.get(db_field.remote_field.model)
        if isinstance(related, ServiceAdmin):
            widget.shown_among = partial(related.shown_among, request)
        return widget

    def shown_among(self, request: HttpRequest, ids: list[str]) -> QuerySet[Any]:
        """Return the rows among these ids whose names another form may show to the reader of a page."""
        return self.suggestable(self.get_queryset(request)).filter(pk__in=ids)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the texts and suggested rows that the address fills in: other fields take no texts."""
        initial = super().get_changeform_initial_data(request)
        suggested = self.get_autocomplete_fields(request)
        return {name: value for name, value in initial.items() if self._is_fit(name, value, suggested)}

    def _is_fit(self, name: str, value: Any, suggested: Sequence[str]) -> bool:
        if name in suggested:
            return all(parse_uuid(one) for one in (value if isinstance(value, list) else [value]))
        fields = (field for field in self.model._meta.get_fields() if field.name == name)
        return any(isinstance(field, models.CharField | models.TextField) for field in fields)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], **named: Any) -> HttpResponse | None:
        """Leave out selected rows whose ids are none, as those that are gone."""
        sent = request.POST.copy()
        sent.setlist(ACTION_CHECKBOX_NAME, [one for one in sent.getlist(ACTION_CHECKBOX_NAME) if self._is_id(one)])
        request.POST = sent  # type: ignore[assignment]
        response: HttpResponse | None = super().response_action(request, queryset, **named)
        return response

    def _is_id(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return True

    def has_suggest_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_manage(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LightChangeList

    def get_action_choices(
        self,
        request: HttpRequest,
        default_choices: list[tuple[str, str]] | None = None,
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> list[tuple[str, str]]:
        """Add `action_location`, which Unfold's own lacks and of which Django 6.1 warns."""
        choices = default_choices or [("", _("Select action"))]
        return DjangoModelAdmin.get_action_choices(self, request, choices, action_location)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)  # a class of this request alone
        form_class.refusal = getattr(request, "cms_refusal", None)
        return form_class

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"show_history": self.has_history(request), **(extra_context or {})}
        is_new = request.method == "POST" and object_id is None and self.has_add_permission(request)
        try:
            with self.creating(request) if is_new else nullcontext():
                return super().changeform_view(request, object_id, form_url, context)
        except CmsError as refusal:
            # Django's transaction around the form is rolled back by now. The same values once more, with what the
            # service said among their errors: that pass ends before anything is saved.
            request.cms_refusal = refusal  # type: ignore[attr-defined]
            self.prepare_again(request, refusal)
            return super().changeform_view(request, object_id, form_url, context)

    def creating(self, request: HttpRequest) -> AbstractContextManager[None]:
        """Do what takes long before Django's transaction around the form of a new row, which may still be invalid."""
        return nullcontext()

    def prepare_again(self, request: HttpRequest, refusal: CmsError) -> None:
        """Change what the form shows after a refusal, outside any transaction."""

    def has_history(self, request: HttpRequest) -> bool:
        """Whether this user is shown the audit trail of these rows."""
        return policy.may_see_audit(request.user)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Call the service once, with the fields that were changed and no others."""
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        if not change:
            return self.create(request.user, values, clock.now())
        return self.update(request.user, form.instance, values, clock.now()) if values else form.instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: nothing is left to save."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing: nothing is left to save."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Do nothing: the audit trail has it already."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Do nothing: the audit trail has it already."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Do nothing: the audit trail has it already."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show the object's audit trail, in place of Django's own log."""
        if not self.has_history(request):
            raise PermissionDenied
        return HttpResponseRedirect(f"{reverse('admin:cms_auditevent_changelist')}?object_id__exact={quote(object_id)}")


class DeletableAdmin(ServiceAdmin):
    """Pages with Django's delete buttons and their confirmation, where a service does the deleting."""

    actions: Any = ["delete_selected"]
    delete_confirmation_template: Any = "cms/admin/confirm_deletion.html"
    deletion: Words
    """A sentence for the pages that ask first: what goes along with a row, and that it can't be undone."""
    delete: Callable[[Actor, Any, datetime.datetime], None]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request.user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[Any, int], set[Any], list[Any]]:
        """List these rows alone: Django's own method walks through all that depend on them, maybe every post.

        Services delete none of those.
        """
        names = [str(row) for row in objs]
        return names, {self.opts.verbose_name_plural: len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete(request.user, obj, clock.now())

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        opts = self.opts
        page = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id])
        said = {"deletion": self.deletion, "back_url": page}
        try:
            return super().delete_view(request, object_id, {**said, **(extra_context or {})})
        except CmsError as refusal:
            self.message_user(request, shown_refusal(refusal), messages.ERROR)
            return HttpResponseRedirect(page)

    @admin.action(description=gettext_lazy("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Name the first rows and count all of them; after the confirmation delete each row by itself."""
        change = Change(
            "delete",
            _("Delete"),
            _("deleted"),
            lambda request, row, now: self.delete(request.user, row, now),
            icon="",
            question=self.deletion,
            variant=ActionVariant.DANGER,
        )
        return for_selected(change)(self, request, queryset)


class ReadOnlyAdmin(ServiceAdmin):
    """Pages that show and change nothing."""

    actions: Any = None

    def prepare_again(self, request: HttpRequest, refusal: CmsError) -> None:
        """Change what the form shows after a refusal, outside any transaction."""

    def has_history(self, request: HttpRequest) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
