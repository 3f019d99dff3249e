"""Importing in three steps (upload, what would happen, the import) and exporting."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget

from cms import clock, policy
from cms.admin.forms import ServiceForm, shown_refusal
from cms.admin.options import ReadOnlyAdmin, wide
from cms.admin.shown import Labelled, shown_instant
from cms.choices import TransferKind, TransferState
from cms.errors import CmsError, translated
from cms.models import Transfer
from cms.transfers.transfers import SUFFIXES, delete_transfer, is_in_hand, start_export, start_import, upload_import

COLOURS: Final[dict[str, str]] = {
    TransferState.CHECKING.value: "warning",
    TransferState.CHECKED.value: "info",
    TransferState.RUNNING.value: "warning",
    TransferState.DONE.value: "success",
    TransferState.FAILED.value: "danger",
}
OUTCOMES: Final[dict[str, Any]] = {
    "created": gettext_lazy("Created"),
    "updated": gettext_lazy("Updated"),
    "unchanged": gettext_lazy("Unchanged"),
    "skipped": gettext_lazy("Skipped"),
    "failed": gettext_lazy("Failed"),
}
EXPORTED: Final[dict[str, Any]] = {
    "users": gettext_lazy("Users"),
    "categories": gettext_lazy("Categories"),
    "tags": gettext_lazy("Tags"),
    "posts": gettext_lazy("Posts"),
    "comments": gettext_lazy("Comments"),
    "redirects": gettext_lazy("Redirects"),
}


class UploadForm(ServiceForm):
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ",".join(SUFFIXES)}),
        help_text=gettext_lazy(
            "A WordPress export (.xml), a Ghost export (.json), a .zip of Markdown files, or an export of this site. "
            "Nothing is imported before you have seen what would happen. New users become authors at most, and have no "
            "password."
        ),
    )

    class Meta:
        model = Transfer
        fields = ("file",)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy(
        "Import posts from WordPress, Ghost or Markdown files, or export all content of this site."
    )
    form = UploadForm
    may_manage = staticmethod(policy.may_transfer)
    list_display = ["shown_name", "kind", "shown_state", "started_by", "started"]
    list_filter = ["kind", "state"]
    list_select_related = ["started_by"]
    ordering = ["-created_at", "-pk"]
    unlisted_fields = ("remarks",)
    fields = ["file"]
    actions_list = ["export"]

    @display(description=gettext_lazy("Name"), ordering="original_name")
    def shown_name(self, transfer: Transfer) -> str:
        return wide(transfer.original_name)

    @display(description=gettext_lazy("State"), ordering="state", label=COLOURS)
    def shown_state(self, transfer: Transfer) -> Labelled:
        state = TransferState(transfer.state)
        return Labelled(state.value, state.label)

    @display(description=gettext_lazy("Started"), ordering="created_at")
    def started(self, transfer: Transfer) -> str:
        return shown_instant(transfer.created_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_manage(request.user)

    def get_urls(self) -> list[Any]:
        own = self.admin_site.admin_view
        return [
            path("export/", require_POST(own(self.export_view)), name="cms_transfer_begin_export"),
            path("<uuid:transfer_id>/progress/", own(self.progress_view), name="cms_transfer_progress"),
            path("<uuid:transfer_id>/start/", require_POST(own(self.start_view)), name="cms_transfer_start"),
            path("<uuid:transfer_id>/remove/", require_POST(own(self.remove_view)), name="cms_transfer_remove"),
            path("<uuid:transfer_id>/report/", own(self.report_view), name="cms_transfer_report"),
            path("<uuid:transfer_id>/file/", own(self.file_view), name="cms_transfer_file"),
            *super().get_urls(),
        ]

    @action(description=gettext_lazy("Export all content"), icon="upload", url_path="new-export", permissions=["view"])
    def export(self, request: HttpRequest) -> HttpResponse:
        """Ask first: a link changes nothing."""
        return self._page(request, "export", _("Export all content"))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        self._refuse_others(request)
        return self._open(start_export(actor=request.user, now=clock.now()))

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return upload_import(actor=request.user, file=form.cleaned_data["file"], now=clock.now())

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._open(obj)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        transfer = self.get_object(request, object_id)
        if transfer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        self._refuse_others(request)
        return self._page(request, "page", transfer.original_name, **self._described(transfer))

    def progress_view(self, request: HttpRequest, transfer_id: Any) -> HttpResponse:
        transfer = self._own(request, transfer_id)
        return render(request, "cms/admin/transfers/state.html", self._described(transfer))

    def start_view(self, request: HttpRequest, transfer_id: Any) -> HttpResponse:
        transfer = self._own(request, transfer_id)
        try:
            start_import(actor=request.user, transfer=transfer, now=clock.now())
        except CmsError as refusal:
            self.message_user(request, shown_refusal(refusal), messages.ERROR)
        return self._open(transfer)

    def remove_view(self, request: HttpRequest, transfer_id: Any) -> HttpResponse:
        transfer = self._own(request, transfer_id)
        try:
            delete_transfer(actor=request.user, transfer=transfer)
        except CmsError as refusal:
            self.message_user(request, shown_refusal(refusal), messages.ERROR)
            return self._open(transfer)
        said = _("“%(name)s” and its report were deleted. Imported content stays.") % {"name": transfer.original_name}
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:cms_transfer_changelist"))

    def report_view(self, request: HttpRequest, transfer_id: Any) -> FileResponse:
        transfer = self._own(request, transfer_id)
        return self._download(transfer.report, "import-report.json", "application/json")

    def file_view(self, request: HttpRequest, transfer_id: Any) -> FileResponse:
        transfer = self._own(request, transfer_id)
        if transfer.kind != TransferKind.EXPORT:
            raise Http404
        return self._download(transfer.file, transfer.original_name, "application/zip")

    def _download(self, file: Any, name: str, content_type: str) -> FileResponse:
        try:
            content = default_storage.open(str(file.name)) if file else None
        except FileNotFoundError:
            content = None
        if content is None:
            raise Http404
        response = FileResponse(content, as_attachment=True, filename=name, content_type=content_type)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _described(self, transfer: Transfer) -> dict[str, Any]:
        names = EXPORTED if transfer.kind == TransferKind.EXPORT else OUTCOMES
        return {
            "transfer": transfer,
            "is_busy": is_in_hand(transfer),
            "message": translated(transfer.message),
            "state": TransferState(transfer.state).label,
            "colour": COLOURS[transfer.state],
            "counts": [(label, transfer.counts[name]) for name, label in names.items() if name in transfer.counts],
            "not_shown": max(0, transfer.remark_count - len(transfer.remarks)),
        }

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}
        return render(request, f"cms/admin/transfers/{template}.html", context)

    def _own(self, request: HttpRequest, transfer_id: Any) -> Transfer:
        self._refuse_others(request)
        transfer: Transfer | None = Transfer.objects.filter(pk=transfer_id).first()
        if transfer is None:
            raise Http404
        return transfer

    def _refuse_others(self, request: HttpRequest) -> None:
        if not self.may_manage(request.user):
            raise PermissionDenied

    @staticmethod
    def _open(transfer: Transfer) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:cms_transfer_change", args=[transfer.pk]))
