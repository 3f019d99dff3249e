"""Webhooks and what was sent to them: a secret is shown once, when it is made; deliveries are looked at and replayed."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from cms import limits, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.forms import ServiceForm
from cms.admin.options import DeletableAdmin, ReadOnlyAdmin, instant_column, wide
from cms.choices import DeliveryStatus
from cms.models import Delivery, Webhook
from cms.policy import Actor
from cms.services.deliveries import replay_delivery
from cms.services.events import ALL_EVENTS, EVENT_TYPES
from cms.services.webhooks import create_webhook, delete_webhook, update_webhook

SHOWN_ONCE = "The signing secret is {} - copy it now: it is not shown again."
DELIVERY_COLOURS = {
    DeliveryStatus.PENDING.value: "warning",
    DeliveryStatus.DELIVERED.value: "success",
    DeliveryStatus.DEAD.value: "danger",
}


def _replay(request: HttpRequest, delivery: Delivery, now: datetime.datetime) -> None:
    replay_delivery(actor=request.user, delivery=delivery, now=now)


REPLAY = Change(
    *("replay", "Replay", "put back into the queue", _replay, "replay"),
    question="It is sent again with the id that it had. Later events of its object have gone out before it.",
)


class WebhookForm(ServiceForm):
    url = forms.CharField(
        label="URL",
        max_length=limits.URL_MAX,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "placeholder": "https://"}),
    )
    events = forms.MultipleChoiceField(
        choices=[(ALL_EVENTS, "All events"), *((name, name) for name in EVENT_TYPES)],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="As few as will do.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_active := self.fields.get("is_active"):
            is_active.help_text = "Switched off it gets no new events; what is still to be delivered waits."


@admin.register(Webhook)
class WebhookAdmin(DeletableAdmin):
    form = WebhookForm
    may_manage = staticmethod(policy.may_manage_webhooks)
    list_display = ["shown_url", "shown_events", "is_active", "maker", "made"]
    list_filter = ["is_active"]
    list_select_related = ["created_by"]
    search_fields = ["url"]
    search_help_text = "URL"
    ordering = ["-created_at", "-pk"]
    unlisted_fields = ("secret",)
    actions_detail = ["deliveries"]
    readonly_fields = ["maker", "created_at", "updated_at"]
    add_fieldsets = ((None, {"fields": ["url", "events", "is_active"]}),)
    fieldsets = (*add_fieldsets, ("State", {"fields": ["maker", ("created_at", "updated_at")]}))

    made = instant_column("created_at", "Made")

    @action(description="Deliveries", icon="outbox", permissions=["view"])
    def deliveries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A link and no more: it changes nothing."""
        return HttpResponseRedirect(f"{reverse('admin:cms_delivery_changelist')}?webhook__id__exact={object_id}")

    @display(description="URL", ordering="url")
    def shown_url(self, webhook: Webhook) -> str:
        return wide(webhook.url)

    @display(description="Events")
    def shown_events(self, webhook: Webhook) -> str:
        if ALL_EVENTS in webhook.events:
            return "all"
        return webhook.events[0] if len(webhook.events) == 1 else f"{len(webhook.events)} types"

    @display(description="Made by")
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

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        webhook = super().save_form(request, form, change)
        if not change:
            # As with a new API key, the message travels in a signed cookie until the next page shows it.
            self.message_user(request, SHOWN_ONCE.format(webhook.secret), messages.WARNING)
        return webhook

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
    search_help_text = "Beginning of an event, its id, or the id of its object"
    ordering = ["-pk"]  # ids grow with time, and their index orders millions of rows
    unlisted_fields = ("payload", "webhook__secret", "webhook__events")
    actions = [for_selected(REPLAY)]
    actions_detail = [REPLAY.name]
    fields = [
        *("event_type", "shown_status", "receiver", "attempts", "last_status", "last_error", "next_attempt"),
        *("delivered_at", "created_at", "event_id", "object_type", "object_id", "payload"),
    ]

    made = instant_column("created_at", "Made")
    replay = button(REPLAY)

    @display(description="Status", ordering="status", label=DELIVERY_COLOURS)
    def shown_status(self, delivery: Delivery) -> str:
        return str(delivery.status)

    @display(description="Last answer")
    def answer(self, delivery: Delivery) -> str:
        return wide(delivery.last_error or str(delivery.last_status or "-"))

    @display(description="Webhook")
    def receiver(self, delivery: Delivery) -> str:
        return wide(delivery.webhook.url)

    @display(description="Next attempt")
    def next_attempt(self, delivery: Delivery) -> str:
        is_waiting = delivery.status == DeliveryStatus.PENDING
        return f"{delivery.next_attempt_at:%Y-%m-%d %H:%M}" if is_waiting else "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).visible_to(request.user)

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """What waits already is sent without being asked for again."""
        delivery = self.get_object(request, str(object_id))
        is_over = delivery is not None and delivery.status != DeliveryStatus.PENDING
        return super().get_actions_detail(request, object_id) if is_over else []
