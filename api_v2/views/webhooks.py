"""Webhooks and their deliveries, for admins alone."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.serializers.shapes import write_object
from api_v2.serializers.webhooks import DELIVERY, WEBHOOK, read_webhook
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_changed, answer_list, answer_one, found, refuse_members
from api_v2.views.users import NEWEST_FIRST
from cms import policy
from cms.choices import DeliveryStatus
from cms.ids import parse_uuid, with_id
from cms.models import Delivery, Webhook
from cms.services.deliveries import replay_delivery
from cms.services.webhooks import create_webhook, delete_webhook, update_webhook

FILTERS = ("status",)


class WebhookAdminView(ApiView):
    def require_admin(self) -> None:
        self.require(policy.may_manage_webhooks, "Only admins manage webhooks.")

    def rows_of[Row: (Webhook, Delivery)](self, model: type[Row], row_id: str) -> QuerySet[Row]:
        self.require_admin()
        return with_id(model.objects.visible_to(self.actor), parse_uuid(row_id))


class WebhooksView(WebhookAdminView):
    secret_members = ("secret",)
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        self.require_admin()
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST)
        rows = Webhook.objects.visible_to(self.actor)
        return answer_list(self, wanted, rows=rows, shape=WEBHOOK)

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        """Return the only response that ever holds `secret`, with which deliveries are signed."""
        self.require_admin()
        webhook = create_webhook(actor=self.actor, fields=read_webhook(self.body(), is_new=True), now=self.now)
        data = {**write_object(webhook, WEBHOOK, self.viewer), "secret": webhook.secret}
        return self.answer_once(data, status=201, location=f"{self.viewer.base}/webhooks/{webhook.pk}")


class WebhookView(WebhookAdminView):
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        return answer_one(self, rows=self.rows_of(Webhook, webhook_id), shape=WEBHOOK)

    def patch(self, request: Request, webhook_id: str) -> HttpResponse:
        webhook, changes = found(self.rows_of(Webhook, webhook_id)), read_webhook(self.body(), is_new=False)
        with self.unchanged(webhook):
            update_webhook(actor=self.actor, webhook=webhook, changes=changes, now=self.now)
        return answer_changed(self, webhook, WEBHOOK)

    def delete(self, request: Request, webhook_id: str) -> HttpResponse:
        webhook = found(self.rows_of(Webhook, webhook_id))
        with self.unchanged(webhook, is_doomed=True):
            delete_webhook(actor=self.actor, webhook=webhook)
        return self.answer_nothing()


class DeliveriesView(WebhookAdminView):
    parameters = {"GET": (*FILTERS, "fields", *PAGE_PARAMETERS)}

    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        webhook = found(self.rows_of(Webhook, webhook_id))
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FILTERS)
        rows = Delivery.objects.visible_to(self.actor).filter(webhook=webhook)
        if statuses := self.query.choices("status", DeliveryStatus.values):
            rows = rows.filter(status__in=statuses)
        return answer_list(self, wanted, rows=rows, shape=DELIVERY)


class DeliveryView(WebhookAdminView):
    """Has no path: deliveries are read as lists. It is what the ETag of one is that of."""

    def get(self, request: Request, delivery_id: str) -> HttpResponse:
        return answer_one(self, rows=self.rows_of(Delivery, delivery_id), shape=DELIVERY)


class ReplayView(WebhookAdminView):
    resource = DeliveryView

    def post(self, request: Request, delivery_id: str) -> HttpResponse:
        self.require_admin()
        refuse_members(self)
        delivery = found(self.rows_of(Delivery, delivery_id))
        with self.unchanged(delivery):
            replay_delivery(actor=self.actor, delivery=delivery, now=self.now)
        return answer_changed(self, delivery, DELIVERY)
