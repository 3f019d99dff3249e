"""Webhooks and their deliveries. A secret is shown once, when it is made; deliveries are looked at and replayed."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from cms import clock, limits, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.forms import ServiceForm
from cms.admin.options import DeletableAdmin, ReadOnlyAdmin, instant_column, wide
from cms.admin.shown import Labelled, show_secret, shown_instant
from cms.choices import DeliveryStatus
from cms.models import Delivery, Webhook
from cms.policy import Actor
from cms.services.deliveries import hasten_delivery, replay_delivery, send_test
from cms.services.events import ALL_EVENTS, EVENT_TYPES
from cms.services.webhooks import create_webhook, delete_webhook, renew_secret, update_webhook

EVENT_GROUPS = {
    "post": gettext_lazy("Posts and pages"),
    "comment": gettext_lazy("Comments"),
    "media": gettext_lazy("Files"),
    "tag": gettext_lazy("Tags"),
    "category": gettext_lazy("Categories"),
    "user": gettext_lazy("Users"),
    "rollout": gettext_lazy("Rollout"),
}
DELIVERY_STATES: dict[str, Any] = {
    DeliveryStatus.PENDING.value: pgettext_lazy("delivery", "pending"),
    DeliveryStatus.DELIVERED.value: pgettext_lazy("delivery", "delivered"),
    DeliveryStatus.DEAD.value: pgettext_lazy("delivery", "dead"),
}
DELIVERY_COLOURS = {
    DeliveryStatus.PENDING.value: "warning",
    DeliveryStatus.DELIVERED.value: "success",
    DeliveryStatus.DEAD.value: "danger",
}


def _replay(request: HttpRequest, delivery: Delivery, now: datetime.datetime) -> None:
    replay_delivery(actor=request.user, delivery=delivery, now=now)


REPLAY = Change(
    *("replay", gettext_lazy("Replay"), gettext_lazy("put back into the queue"), _replay, "replay"),
    question=gettext_lazy(
        "The event is sent again with the same id. Later events of its object have already been sent."
    ),
)


HASTEN = Change(
    name="send_now",
    label=gettext_lazy("Send now"),
    done=gettext_lazy("sent to the front of the queue"),
    apply=lambda request, delivery, now: hasten_delivery(actor=request.user, delivery=delivery, now=now),
    icon="bolt",
    question=gettext_lazy("The next attempt is made at once, without the wait that follows a failure."),
)
SEND_TEST = Change(
    name="send_test",
    label=gettext_lazy("Send test"),
    done=gettext_lazy("sent a test event: see its deliveries"),
    apply=lambda request, webhook, now: send_test(actor=request.user, webhook=webhook, now=now),
    icon="science",
    question=gettext_lazy("An event of the type webhook.test goes to this address alone, signed like all others."),
)


def event_choices() -> list[tuple[Any, Any]]:
    """Return all events in their groups."""
    groups = [
        (label, [(n, n) for n in EVENT_TYPES if n.partition(".")[0] == name]) for name, label in EVENT_GROUPS.items()
    ]
    return [(ALL_EVENTS, gettext_lazy("All events, also those of later releases")), *groups]


class GroupedCheckboxes(UnfoldAdminCheckboxSelectMultipleWidget):  # type: ignore[misc]
    template_name = "cms/admin/grouped_checkboxes.html"


class WebhookForm(ServiceForm):
    url = forms.CharField(
        label=gettext_lazy("URL"),
        max_length=limits.URL_MAX,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "placeholder": "https://"}),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=event_choices,
        widget=GroupedCheckboxes,
        help_text=gettext_lazy("Choose as few as your receiver needs."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_active := self.fields.get("is_active"):
            is_active.help_text = _("While it is off, it gets no new events, and pending deliveries wait.")


@admin.register(Webhook)
class WebhookAdmin(DeletableAdmin):
    empty_text = gettext_lazy("A webhook calls an address of yours when something happens here.")
    form = WebhookForm
    may_manage = staticmethod(policy.may_manage_webhooks)
    deletion = gettext_lazy("All deliveries go along, sent or not. This can't be undone.")
    list_display = ["shown_url", "shown_events", "is_active", "maker", "made"]
    list_filter = ["is_active"]
    list_select_related = ["created_by"]
    search_fields = ["url"]
    search_help_text = gettext_lazy("URL")
    ordering = ["-created_at", "-pk"]
    unlisted_fields = ("secret",)
    actions_detail = ["deliveries", SEND_TEST.name, "renew_secret"]
    send_test = button(SEND_TEST)
    readonly_fields = ["maker", "created_at", "updated_at"]
    add_fieldsets = ((None, {"fields": ["url", "events", "is_active"]}),)
    fieldsets = (*add_fieldsets, (gettext_lazy("State"), {"fields": ["maker", ("created_at", "updated_at")]}))

    made = instant_column("created_at", gettext_lazy("Created"))

    @action(description=gettext_lazy("Deliveries"), icon="outbox", permissions=["view"])
    def deliveries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the list of the webhook's deliveries; this changes nothing."""
        return HttpResponseRedirect(f"{reverse('admin:cms_delivery_changelist')}?webhook__id__exact={object_id}")

    @action(description=gettext_lazy("New secret"), icon="key", url_path="renew-secret", permissions=["view"])
    def renew_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask first; then show the new secret, once."""
        webhook = self.get_object(request, object_id)
        if webhook is None:
            raise Http404
        page = reverse("admin:cms_webhook_change", args=[webhook.pk])
        if request.method != "POST":
            request.current_app = self.admin_site.name
            context = {**self.admin_site.each_context(request), "title": _("New secret"), "opts": self.opts}
            return render(request, "cms/admin/renew_secret.html", {**context, "webhook": webhook, "page": page})
        webhook = renew_secret(actor=request.user, webhook=webhook, now=clock.now())
        return self._show_secret(request, webhook)

    def _show_secret(self, request: HttpRequest, webhook: Webhook) -> HttpResponse:
        return show_secret(
            request,
            webhook.secret,
            title=_("Signing secret"),
            label=webhook.url,
            hint=_("Copy the secret now: the receiver checks signatures with it, and it is not shown again."),
            next_url=reverse("admin:cms_webhook_change", args=[webhook.pk]),
        )

    @display(description=gettext_lazy("URL"), ordering="url")
    def shown_url(self, webhook: Webhook) -> str:
        return wide(webhook.url)

    @display(description=gettext_lazy("Events"))
    def shown_events(self, webhook: Webhook) -> str:
        if ALL_EVENTS in webhook.events:
            return _("all")
        return webhook.events[0] if len(webhook.events) == 1 else _("%(count)s types") % {"count": len(webhook.events)}

    @display(description=gettext_lazy("Created by"))
    def maker(self, webhook: Webhook) -> str:
        return str(webhook.created_by or "-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        return super().get_queryset(request).visible_to(request.user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[Any, int], set[Any], list[Any]]:
        names, counts, permissions, protected = super().get_deleted_objects(objs, request)
        sent = Delivery.objects.filter(webhook__in=[row.pk for row in objs]).count()
        return names, {**counts, Delivery._meta.verbose_name_plural: sent}, permissions, protected

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_secret(request, obj)

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Webhook:
        return create_webhook(actor=actor, fields=fields, now=now)

    def update(self, actor: Actor, row: Webhook, changes: Any, now: datetime.datetime) -> Webhook:
        return update_webhook(actor=actor, webhook=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: Webhook, now: datetime.datetime) -> None:
        delete_webhook(actor=actor, webhook=row)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_manage_webhooks)
    list_display = ["event_type", "shown_status", "attempts", "answer", "receiver", "made", "next_attempt"]
    list_filter = ["status", "webhook"]
    list_select_related = ["webhook"]
    search_fields = ["event_type__startswith", "event_id__exact", "object_id__exact"]
    search_help_text = gettext_lazy("Beginning of an event, its id, or the id of its object")
    ordering = ["-pk"]  # ids grow with time, and their index orders millions of rows
    unlisted_fields = ("payload", "answers", "webhook__secret", "webhook__events")
    actions = [for_selected(REPLAY)]
    actions_detail = [REPLAY.name, HASTEN.name]
    fields = [
        *("event_type", "shown_status", "receiver", "attempts", "last_status", "last_error", "next_attempt"),
        *("attempt_log", "delivered_at", "created_at", "event_id", "object_type", "object_id", "payload"),
    ]

    made = instant_column("created_at", gettext_lazy("Created"))
    replay, send_now = button(REPLAY), button(HASTEN)

    @display(description=gettext_lazy("Status"), ordering="status", label=DELIVERY_COLOURS)
    def shown_status(self, delivery: Delivery) -> Labelled:
        return Labelled(delivery.status, DELIVERY_STATES[delivery.status])

    @display(description=gettext_lazy("Attempts and answers"))
    def attempt_log(self, delivery: Delivery) -> str:
        """Show the attempts, the newest first."""
        attempts = [
            (shown_instant(parse_datetime(one["at"])), one["status"] or "-", one["took_ms"], one["error"], one["body"])
            for one in reversed(delivery.answers or [])
        ]
        return render_to_string("cms/admin/attempts.html", {"attempts": attempts})

    @display(description=gettext_lazy("Last answer"))
    def answer(self, delivery: Delivery) -> str:
        return wide(delivery.last_error or str(delivery.last_status or "-"))

    @display(description=gettext_lazy("Webhook"))
    def receiver(self, delivery: Delivery) -> str:
        return wide(delivery.webhook.url)

    @display(description=gettext_lazy("Next attempt"))
    def next_attempt(self, delivery: Delivery) -> str:
        is_waiting = delivery.status == DeliveryStatus.PENDING
        return shown_instant(delivery.next_attempt_at) if is_waiting else "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).visible_to(request.user)

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Offer to hasten a delivery that waits, and to replay one that is over."""
        delivery = self.get_object(request, str(object_id))
        if delivery is None:
            return []
        pointless = REPLAY if delivery.status == DeliveryStatus.PENDING else HASTEN
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name != f"cms_delivery_{pointless.name}"]
