"""Changes that need no form of their own: for all selected rows of a list, or by a button. Each asks first.

Unfold's buttons are links; each of ours opens a dialog, so that nothing changes without a POST and its CSRF token.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from cms import clock
from cms.admin import each
from cms.admin.forms import add_refusal, shown_refusal
from cms.errors import CmsError

type Words = str | Promise
"""A text for people, which may be translated when it is shown."""
SHOWN_NAMES = 50
SENT_AGAIN = ("action", "select_across", ACTION_CHECKBOX_NAME)


class Change(NamedTuple):
    """One change to one object, in the words of its button."""

    name: str
    """Also the last part of the dialog's address."""
    label: Words
    done: Words
    """The object's new state: "published"."""
    apply: Callable[..., object]
    """Called with the request, the object, now, and the fields of the dialog's form by name.

    If it returns a text, that is shown in the place of `done`.
    """
    icon: str
    question: Words = ""
    variant: ActionVariant = ActionVariant.DEFAULT
    form: type[BaseDialogForm] = BaseDialogForm
    losses: Callable[[QuerySet[Any]], Words] | None = None
    """A sentence for the page that asks first: what goes together with these rows."""
    has_undo: bool = False
    """Whether its list offers to take it back, so that it need not ask first."""
    typed_name: Callable[[Any], str] | None = None
    """The name of an object that has to be typed before. Such a change is for one object at a time."""


def for_selected(change: Change) -> Callable[..., HttpResponse | None]:
    """Return the action of a list: it treats each object by itself, and a refusal stops none of the others."""

    @admin.action(description=change.label)  # type: ignore[arg-type]  # beside "3 of 50 selected"
    def act(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        if not change.has_undo and not is_confirmed(request, queryset, change):
            return ask_first(model_admin, request, queryset, change)
        return change_selected(model_admin, request, queryset, change)

    act.__name__ = f"{change.name}_selected"
    return act


def is_confirmed(request: HttpRequest, queryset: QuerySet[Any], change: Change) -> bool:
    """Whether this many rows were named on the page of `ask_first`; of "all" there may be more by now."""
    if request.POST.get("confirmed") != str(queryset.count()):
        return False
    return change.typed_name is None or _typed(request) in [change.typed_name(row) for row in queryset[:1]]


def _typed(request: HttpRequest) -> str:
    return request.POST.get("typed_name", "").strip()


def ask_first(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], change: Change, *, back: str = ""
) -> HttpResponse | None:
    """Name the rows on a page that asks whether to go on; `back` is the address of its "Cancel", else the list's."""
    count, opts = queryset.count(), model_admin.opts
    if change.typed_name and count != 1:
        text = _("“%(label)s” is for one %(noun)s at a time. Nothing was changed.")
        names = {"label": change.label, "noun": opts.verbose_name}
        model_admin.message_user(request, text % names, messages.ERROR)
        return None
    shown = list(queryset[:SHOWN_NAMES])
    context = {
        **model_admin.admin_site.each_context(request),
        "title": change.label,
        "opts": opts,
        "change": change,
        "variant": "danger" if change.variant == ActionVariant.DANGER else "primary",
        "noun": opts.verbose_name if count == 1 else opts.verbose_name_plural,
        "count": count,
        "shown": shown,
        "more": count - len(shown),
        "expected_name": change.typed_name(shown[0]) if change.typed_name else "",
        "is_wrong_name": bool(change.typed_name and "confirmed" in request.POST),
        "sent": [(name, one) for name in SENT_AGAIN for one in request.POST.getlist(name)],
        "losses": change.losses(queryset) if change.losses else "",
        "list_url": request.get_full_path(),
        "back_url": back or request.get_full_path(),
    }
    return render(request, "cms/admin/confirm_action.html", context)


class Choice(NamedTuple):
    """The question for the one object that an action of a list needs beside the selected ones."""

    title: Any
    question: Any
    label: Any
    choices: list[tuple[str, Any]]


def choose_target(model_admin: Any, request: HttpRequest, selected: Collection[Any], choice: Choice) -> HttpResponse:
    """Name the selected objects and ask for one more; its id comes back as `target`."""
    opts = model_admin.opts
    context = {
        **model_admin.admin_site.each_context(request),
        **choice._asdict(),
        "opts": opts,
        "names": [str(row) for row in selected],
        "noun": opts.verbose_name if len(selected) == 1 else opts.verbose_name_plural,
        "sent": [(name, one) for name in SENT_AGAIN for one in request.POST.getlist(name)],
        "list_url": request.get_full_path(),
    }
    return render(request, "cms/admin/choose_target.html", context)


def apply_to_each(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], change: Change) -> Any:
    """Return the id below which rows are left, if any are."""
    return each.apply_to_each(model_admin, request, queryset, change.apply, change.done)


def change_selected(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], change: Change
) -> HttpResponse | None:
    """Apply a change to each row. If all were selected, lead to a list of those that are left, or back to all.

    The next request begins where this one ended, also behind rows that are refused or need no change.
    """
    last = apply_to_each(model_admin, request, queryset, change)
    if request.POST.get("select_across") != "1" or (last is None and each.LEFT_BELOW not in request.GET):
        return None
    query = request.GET.copy()
    for name in (each.LEFT_BELOW, PAGE_VAR):
        query.pop(name, None)
    if last is not None:
        query[each.LEFT_BELOW] = str(last)
        model_admin.message_user(request, _("The list shows only the rows that are left."), messages.INFO)
    return HttpResponseRedirect(f"{request.path}?{query.urlencode()}" if query else request.path)


def button(change: Change) -> Any:
    """Return the action of a change page; it goes into the class under the change's name and into `actions_detail`."""
    dialog = {
        "title": change.label,
        "description": change.question,
        "form_class": change.form,
        "form_submit_text": change.label,
    }

    def act(model_admin: Any, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = model_admin.get_object(request, object_id)
        if row is None:
            return _leave(
                request, model_admin._get_obj_does_not_exist_redirect(request, model_admin.opts, object_id).url
            )
        values = {name: value for name, value in form.cleaned_data.items() if name != "_form_submitted"}
        try:
            result = change.apply(request, row, clock.now(), **values)
        except CmsError as refusal:
            if values:
                return _ask_again(request, form, dialog, refusal)
            model_admin.message_user(request, shown_refusal(refusal), messages.ERROR)
        else:
            done = result if isinstance(result, str) else change.done
            model_admin.message_user(
                request, _("“%(name)s” was %(done)s.") % {"name": row, "done": done}, messages.SUCCESS
            )
        opts = model_admin.opts
        return _leave(request, reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id]))

    act.__name__ = change.name
    return action(
        act,
        description=change.label,
        url_path=change.name.replace("_", "-"),
        icon=change.icon,
        variant=change.variant,
        dialog=dialog,
        permissions=["view"],
    )


def _ask_again(request: HttpRequest, form: BaseDialogForm, dialog: dict[str, Any], refusal: CmsError) -> HttpResponse:
    add_refusal(form, refusal)
    # The dialog's template shows the errors of fields only.
    first = next(name for name in form.fields if name != "_form_submitted")
    for message in form.errors.pop(NON_FIELD_ERRORS, []):
        form.add_error(first, message)
    context = {"dialog": dialog, "form": form, "form_submit_text": dialog["form_submit_text"]}
    return render(request, "unfold/helpers/dialog.html", context)


def _leave(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to another page, from a dialog that htmx has sent in the background or a browser as a plain form."""
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
