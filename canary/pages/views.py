"""The page of the rollout at the admin site, a form for each change, and the consumers of v1 as a file."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from canary.conf import canary_conf
from canary.core.names import in_names
from canary.core.permissions import VIEW
from canary.errors import RolloutError, StoreUnreachable, VersionConflict
from canary.pages.actions import LIFE, WEIGHT, Action, actions_for, find_action
from canary.pages.asking import answer
from canary.pages.board import board_context
from canary.pages.consumer_file import answer_lines
from canary.pages.forms import ChangeForm, OptionsForm, first_values
from canary.pages.naming import named
from canary.pages.previews import preview
from canary.pages.reading import Asked, read_page
from canary.pages.speaking import spoken, told
from canary.reporting.debt import rollback_debt
from canary.retiring.usage import USAGE_DAYS, csv_lines, daily_rows
from canary.state.store import current_snapshot, read
from canary.verbs.declaring import Call
from canary.verbs.performing import perform
from canary.verbs.weight import say_status
from canary.verbs.wording import percent

PAGE: Final = "canary_pages:page"
ACTOR_MAX: Final = 160
WORDS: Final = {
    " (`canary ack`)": "",
    "until `ack`": "until somebody acknowledges it",
    "until `resume`": "until somebody resumes it",
    "at this version": "at this revision",
}
"""By words of the command line, those of the page."""
REVISION: Final = gettext_noop("Config revision")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
EVEN: Final = 0.5
"""Below this chance, something is rather overlooked than found."""
SHOWN: Final = "show"
"""The name of the button that asks who would move."""


@never_cache
@named
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "canary/page/page.html", {**admin.site.each_context(request), **_read(request)})


@never_cache
@named
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """Return the parts that change by themselves, for the script that puts them into the page."""
    return render(request, "canary/page/live.html", _read(request, is_whole=False))


@never_cache
@named
@require_GET
def consumers(request: HttpRequest) -> HttpResponseBase:
    _refuse_without(request, VIEW)
    deprecated_at = read()[1].life.deprecated_at
    rows = daily_rows(now=canary_conf().now(), days=USAGE_DAYS, deprecated_at=deprecated_at)
    return answer_lines(request, csv_lines(rows))


@never_cache
@named
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Show every consumer of v1: what it calls, what differs for it, its version, and who to write to."""
    _refuse_without(request, VIEW)
    found = board_context(request.user, request.GET.get("page", "1"), canary_conf().now())
    context = {**admin.site.each_context(request), "title": _("Consumers of v1"), **found}
    return render(request, "canary/page/board.html", context)


@never_cache
@require_GET
def debt(request: HttpRequest) -> HttpResponse:
    """Count what a rollback would hide: on a page of its own, since that may take seconds.

    The command also names examples. Here they could show a reader of this page content that the reader may not see.
    """
    _refuse_without(request, VIEW)
    found = rollback_debt(canary_conf().now())
    context = {**admin.site.each_context(request), "title": _("Content that v1 can't show"), "debt": found}
    return render(request, "canary/page/debt.html", {**context, "weight": percent(found["weight_bp"])})


@never_cache
@named
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, words: str) -> HttpResponse:
    """Show a change in three steps, two for verbs without options: the options, the preview, and the change by POST."""
    action = find_action(words)
    if action is None:
        raise Http404
    _refuse_without(request, VIEW, action.verb.permission)
    now = canary_conf().now()
    given = request.POST if request.method == "POST" else request.GET
    is_asked = request.method == "POST" or SHOWN in given or not action.verb.options
    if not is_asked:
        initial = first_values(read()[1].weight_bp) | given.dict()
        return _show(request, action, OptionsForm(action.verb, None, initial=initial), status=200)
    options = OptionsForm(action.verb, given)
    if not options.is_valid():
        return _show(request, action, options, status=422 if request.method == "POST" else 200)
    if request.method == "POST":
        return _apply(request, action, options, now)
    return _show_preview(request, action, options, now)


def _read(request: HttpRequest, *, is_whole: bool = True) -> dict[str, Any]:
    _refuse_without(request, VIEW)
    now = canary_conf().now()
    shown = read_page(Asked.of(request.GET), now, is_whole=is_whole)
    return {
        **shown,
        "question": answer(request.GET.get("identity", ""), _actor(request), now),
        "is_span_chosen": "span" in request.GET,
        "title": _("Rollout"),
        "actions": actions_for(request.user, shown["status"]),
        "may_ramp": request.user.has_perm("canary.ramp"),
    }


def _apply(request: HttpRequest, action: Action, options: OptionsForm, now: datetime) -> HttpResponse:
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _show_preview(request, action, options, now, form=form)
    version = form.cleaned_data["expected_version"] if action.verb.takes_version else None
    call = Call(options.cleaned_data, _actor(request), now, form.cleaned_data["reason"], version)
    try:
        result = perform(action.verb, call)
    except RolloutError as error:
        return _show_preview(request, action, options, now, error=error)
    said = _for_page(next(iter(action.verb.say({**result})), ""))
    done = _(action.done) if action.done else ""
    messages.success(request, f"{done} {said}" if action.place in (WEIGHT, LIFE) else done)
    return HttpResponseRedirect(reverse(PAGE))


def _show_preview(
    request: HttpRequest,
    action: Action,
    options: OptionsForm,
    now: datetime,
    *,
    form: ChangeForm | None = None,
    error: RolloutError | None = None,
) -> HttpResponse:
    """Show the preview of this moment: after a conflict it differs from the one seen before."""
    try:
        found = preview(action.verb, options.cleaned_data, _actor(request), now)
    except StoreUnreachable as unreachable:
        found, error = None, unreachable
    if form is None:
        reason = request.POST.get("reason", _(action.reason) if action.reason else "")
        form = ChangeForm(initial={"reason": reason, "expected_version": found.version if found else 0})
    status = 422 if form.is_bound else _status_of(error) if error else 200
    override = options[found.override] if found and found.override else None
    return _show(request, action, options, status=status, preview=found, form=form, error=error, override=override)


def _status_of(error: RolloutError) -> int:
    return 503 if isinstance(error, StoreUnreachable) else 409


def _show(request: HttpRequest, action: Action, options: OptionsForm, *, status: int, **more: Any) -> HttpResponse:
    error = more.get("error")
    power = found.power if (found := more.get("preview")) else None
    context = {
        **admin.site.each_context(request),
        "title": _(action.label),
        "has_debt": action.words == "rollback" and canary_conf().debt is not None,
        "action": action,
        "about": told(_in_words(action.verb.help)),
        "power": power and _power_told(power),
        "options": options,
        "sentence": _for_page(error.sentence) if error else "",
        "refusal": _for_page(found.refusal) if (found := more.get("preview")) else "",
        "is_conflict": isinstance(error, VersionConflict),
        "current": _in_short(say_status(error.current)) if error and error.current else [],
        **more,
    }
    return render(request, "canary/page/change.html", context, status=status)


def _power_told(power: Mapping[str, Any]) -> dict[str, Any]:
    """Return its sentences, and whether it is too weak: no step likely finds harm, and the first may never pass."""
    chances = [chance for step in power["steps"] for chance in step["found"].values() if chance is not None]
    return {
        "known": _named(power["known"]),
        "steps": [_named(one["sentence"]) for one in power["steps"]],
        "is_weak": bool(chances) and max(chances) < EVEN and not power["steps"][0]["can_pass"],
    }


def _named(sentence: str) -> str:
    return spoken(in_names(sentence, current_snapshot().names))


def _in_short(lines: Iterable[str]) -> list[str]:
    """Return the lines without the single workers, which are indented, and with instants as everywhere on the page."""
    return [INSTANT.sub(_say_instant, _for_page(line)) for line in lines if not line.startswith(" ")]


def _for_page(line: str) -> str:
    """Return the text in the page's words: no verb of the command line, and "revision" instead of "version"."""
    return spoken(_in_words(line))


def _in_words(line: str) -> str:
    for typed, shown in WORDS.items():
        line = line.replace(typed, shown)
    line = re.sub(r"\bat version (\d)", r"at config revision \1", line)
    return re.sub(r"^Version(?= \d)", REVISION, line)


def _say_instant(found: re.Match[str]) -> str:
    """Return the instant in words; as it is where a person's reason only looks like one."""
    try:
        at = datetime.fromisoformat(found[0]).astimezone(UTC)
    except (ValueError, OverflowError):
        return found[0]
    return date_format(at, pgettext("format of a time", "j M Y H:i:s")) + " UTC"


def _refuse_without(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms(permissions):
        raise PermissionDenied


def _actor(request: HttpRequest) -> str:
    """Return the actor as the event log keeps it, `user:3`."""
    return f"user:{request.user.pk}"[:ACTOR_MAX]
