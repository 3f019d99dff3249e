"""What is only looked at: the audit trail, redirects, import records."""

from django.contrib import admin
from django.utils.html import format_html
from unfold.decorators import display

from cms import policy
from cms.admin.filters import ObjectTypeFilter
from cms.admin.options import ReadOnlyAdmin, instant_column
from cms.models import AuditEvent, ImportRecord, Redirect


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_see_audit)
    list_display = ["happened", "action", "object_type", "object", "actor", "address", "version"]
    list_filter = [ObjectTypeFilter, "created_at"]
    linked_lookups = ("object_id__exact",)
    list_select_related = ["actor"]
    search_fields = ["object_id__exact", "request_id__exact", "action__startswith", "actor__username__iexact"]
    search_help_text = "Object or request id, beginning of an action, username"
    ordering = ["-created_at", "-pk"]
    fields = [
        "created_at",
        "action",
        "object_type",
        "object_id",
        "actor",
        "before",
        "after",
        "address",
        "request_id",
        "version",
    ]

    happened = instant_column("created_at", "When")

    @display(description="Object id")
    def object(self, event: AuditEvent) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', event.object_id)

    @display(description="IP address")
    def address(self, event: AuditEvent) -> str:
        return event.ip or "-"

    @display(description="API version")
    def version(self, event: AuditEvent) -> str:
        return str(event.api_version or "-")


@admin.register(Redirect)
class RedirectAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_edit_all_posts)
    list_display = ["old_path", "post", "made"]
    list_select_related = ["post"]
    search_fields = ["old_path", "post__title"]
    ordering = ["old_path"]
    unlisted_fields = ("post__content", "post__content_html")
    fields = ["old_path", "post", "created_at"]

    made = instant_column("created_at", "Made")


@admin.register(ImportRecord)
class ImportRecordAdmin(ReadOnlyAdmin):
    may_manage = staticmethod(policy.may_see_audit)
    list_display = ["external_id", "object_type", "source", "imported"]
    list_filter = ["created_at"]
    search_fields = ["external_id", "source", "object_id__exact"]
    ordering = ["-pk"]
    unlisted_fields = ("original",)
    fields = ["source", "object_type", "external_id", "object_id", "original", "digest", "created_at", "updated_at"]

    imported = instant_column("created_at", "Imported")
