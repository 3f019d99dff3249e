"""Import records, read only."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from cms import policy
from cms.admin.options import ReadOnlyAdmin, instant_column
from cms.models import ImportRecord


@admin.register(ImportRecord)
class ImportRecordAdmin(ReadOnlyAdmin):
    empty_text = _("Each imported post leaves a record here of where it came from.")
    may_manage = staticmethod(policy.may_see_audit)
    list_display = ["external_id", "object_type", "source", "imported"]
    list_filter = ["created_at"]
    search_fields = ["external_id", "source", "object_id__exact"]
    ordering = ["-pk"]
    unlisted_fields = ("original",)
    fields = ["source", "object_type", "external_id", "object_id", "original", "digest", "created_at", "updated_at"]

    imported = instant_column("created_at", _("Imported"))
