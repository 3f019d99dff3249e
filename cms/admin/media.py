"""Media: uploading, describing and deleting files, looking at them."""

import datetime
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.forms import Script
from django.http import FileResponse, Http404, HttpRequest, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from cms import clock, policy
from cms.admin.counting import CappedPaginator, FoundFirstPaginator
from cms.admin.forms import shown_refusal
from cms.admin.media_grid import AltTextFilter, MediaChangeList
from cms.admin.options import DeletableAdmin, wide
from cms.errors import CmsError, NotFound
from cms.media.preparing import prepared_ahead
from cms.media.sending import send_file
from cms.models import MediaFile, Post
from cms.policy import Actor
from cms.services.media import FOCAL, delete_media, get_or_make_rendition, update_media, upload_media

LARGE = "width-640"
FOCAL_LABELS = {"focal_x": _("Focal point, from the left"), "focal_y": _("Focal point, from the top")}
FOCAL_HELP = _("Cropped pictures keep this part. From 0 to 1; empty for the middle.")
USED_MAX = 20


class KindFilter(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("image", _("Images")), ("document", _("Documents"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        images = queryset.images()  # type: ignore[attr-defined]
        match self.value():
            case "image":
                return images
            case "document":
                return queryset.exclude(mime_type__startswith="image/")
        return queryset


@admin.register(MediaFile)
class MediaFileAdmin(DeletableAdmin):
    may_manage = staticmethod(policy.may_upload_media)
    deletion = _("Files that posts show stay. This can't be undone.")
    list_before_template = "cms/admin/media_top.html"
    list_display = ["shown_name"]
    list_filter = [KindFilter, AltTextFilter, "created_at"]
    list_per_page = 48
    search_fields = ["original_name", "alt_text"]
    search_help_text = _("Name or alternative text")
    empty_text = _("Drop pictures and documents above to use them in posts.")
    ordering = ["-created_at", "-pk"]
    readonly_fields = [
        "large",
        "original_name",
        "mime_type",
        "size",
        "dimensions",
        "address",
        "used_in",
        "renditions",
        "uploader",
        "created_at",
        "updated_at",
    ]
    texts = ("alt_text", "caption")
    focus = (("focal_x", "focal_y"),)
    add_fieldsets = ((None, {"fields": ["file", *texts]}),)
    facts = (
        ("original_name", "mime_type"),
        ("size", "dimensions"),
        ("address",),
        ("used_in",),
        ("renditions",),
        ("uploader",),
        ("created_at", "updated_at"),
    )
    fieldsets = ((None, {"fields": ["large", *focus, *texts]}), (_("File"), {"fields": [*facts]}))

    class Media:
        css = {"all": ["cms/media.css"]}
        js = [Script("cms/media.js", defer=True), Script("cms/focal-point.js", defer=True)]

    @display(description=_("Name"), ordering="original_name")
    def shown_name(self, media: MediaFile) -> str:
        return wide(media.original_name)

    @display(description=_("Address"))
    def address(self, media: MediaFile) -> str:
        """Show the address for readers, which works once a post shows the file to them."""
        return settings.MEDIA_ADDRESS.format(id=media.pk)

    @display(description=_("Shown in"))
    def used_in(self, media: MediaFile) -> str:
        posts = Post.objects.visible_to(media.viewer, clock.now()).order_by("-created_at")  # type: ignore[attr-defined]
        parts = (posts.filter(featured_image=media), posts.filter(embedded_media=media))  # each by an index of its own
        found = {pk: title for part in parts for pk, title in part.values_list("pk", "title")[:USED_MAX]}
        rows = [(reverse("admin:cms_post_change", args=[pk]), title) for pk, title in found.items()]
        return format_html_join("", '<a class="block underline" href="{}">{}</a>', rows) or gettext("No post")

    @display(description=_("File"))
    def large(self, media: MediaFile) -> str:
        if not media.is_image:
            return format_html('<a href="{}">{}</a>', self._address(media), media.original_name)
        picture, words = self._picture(media, LARGE, 320), gettext("Open the file")
        return format_html(
            '<span class="focal">{}</span><a class="in-text" href="{}">{}</a>', picture, self._address(media), words
        )

    @display(description=_("Size"), ordering="size_bytes")
    def size(self, media: MediaFile) -> str:
        return filesizeformat(media.size_bytes)

    @display(description=_("Width and height, pixels"))
    def dimensions(self, media: MediaFile) -> str:
        return f"{media.width} × {media.height}" if media.width else "-"

    @display(description=_("Renditions"))
    def renditions(self, media: MediaFile) -> str:
        """List the renditions made so far, each with its size and a link to it."""
        rows = [
            (
                f"{self._address(media)}?size={made.spec}",
                made.spec,
                made.width,
                made.height,
                filesizeformat(made.size_bytes),
            )
            for made in media.renditions.order_by("spec")
        ]
        return format_html_join("", '<a class="block" href="{}">{}: {} × {}, {}</a>', rows) or "-"

    @display(description=_("Uploaded by"))
    def uploader(self, media: MediaFile) -> str:
        """Show the uploader to editors and to the uploader, as v2 does, without a link to the user's page."""
        viewer = media.viewer  # type: ignore[attr-defined]
        return str(media.uploaded_by) if policy.may_edit_media(viewer, media) else "-"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> MediaFile | None:
        media: Any = self._one(request, object_id) if self._is_id(object_id) else None
        if media is not None:
            media.viewer = request.user  # for `used_in`, which names posts
        return media

    def get_fieldsets(self, request: HttpRequest, obj: MediaFile | None = None) -> Any:
        """Leave out the focal point of what is not an image."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or obj.is_image:
            return fieldsets
        (name, options), *others = fieldsets
        return [(name, {**options, "fields": ["large", *self.texts]}), *others]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in FOCAL:
            attrs = {"min": 0, "max": 1, "step": "any"}
            kwargs |= {"widget": UnfoldAdminDecimalFieldWidget(attrs=attrs), "label": FOCAL_LABELS[db_field.name]}
            kwargs["help_text"] = FOCAL_HELP if db_field.name == "focal_x" else ""
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[MediaChangeList]:
        return MediaChangeList

    def suggestable(self, rows: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
        return rows.images()  # type: ignore[attr-defined]

    def shown_among(self, request: HttpRequest, ids: list[str]) -> QuerySet[MediaFile]:
        return self.suggestable(MediaFile.objects.visible_to(request.user, clock.now()).filter(pk__in=ids))

    def get_queryset(self, request: HttpRequest) -> QuerySet[MediaFile]:
        """Return all rows of a list. One row alone is found by `_one`."""
        return super().get_queryset(request).all_visible_to(request.user, clock.now())

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> CappedPaginator:
        pages = CappedPaginator if policy.may_edit_all_media(request.user) else FoundFirstPaginator
        return pages(*args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_manage(request.user) if obj is None else policy.may_edit_media(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_urls(self) -> list[Any]:
        file = path("<uuid:media_id>/file/", self.admin_site.admin_view(self.file_view), name="cms_mediafile_file")
        upload = require_POST(self.admin_site.admin_view(self.upload_view))
        describe = require_POST(self.admin_site.admin_view(self.describe_view))
        return [
            file,
            path("upload/", upload, name="cms_mediafile_upload"),
            path("<uuid:media_id>/describe/", describe, name="cms_mediafile_describe"),
            *super().get_urls(),
        ]

    def upload_view(self, request: HttpRequest) -> JsonResponse:
        """Store a file that was pasted or dropped into a text, and return the address that its readers use."""
        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            return JsonResponse({"message": gettext("Send a file in the field “file”.")}, status=422)
        try:
            media = self.create(request.user, {"file": file}, clock.now())
        except CmsError as refusal:
            return JsonResponse({"message": shown_refusal(refusal)}, status=422)
        address = settings.MEDIA_ADDRESS.format(id=media.pk)
        return JsonResponse({"address": address, "describe": reverse("admin:cms_mediafile_describe", args=[media.pk])})

    def describe_view(self, request: HttpRequest, media_id: Any) -> JsonResponse:
        media = self._one(request, media_id)
        if media is None or not self.has_change_permission(request, media):
            raise Http404
        try:
            self.update(request.user, media, {"alt_text": request.POST.get("alt_text", "")}, clock.now())
        except CmsError as refusal:
            return JsonResponse({"message": shown_refusal(refusal)}, status=422)
        return JsonResponse({})

    def file_view(self, request: HttpRequest, media_id: Any) -> FileResponse:
        """Return the bytes, or a rendition's (`?size=`). Only images are shown in place, and nothing in them is run."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        media = self._one(request, media_id)
        if media is None:
            raise Http404
        try:
            spec = request.GET.get("size")
            shown = get_or_make_rendition(media=media, spec=spec, now=clock.now()) if spec else media
            return send_file(shown.file, mime_type=shown.mime_type, original_name=media.original_name)
        except (NotFound, FileNotFoundError) as error:
            raise Http404 from error

    def creating(self, request: HttpRequest) -> AbstractContextManager[None]:
        upload = request.FILES.get("file")
        return prepared_ahead(upload, upload.name or "") if isinstance(upload, UploadedFile) else nullcontext()

    def create(self, actor: Actor, fields: dict[str, Any], now: datetime.datetime) -> MediaFile:
        upload = fields.pop("file")
        return upload_media(
            actor=actor,
            upload=upload,
            original_name=upload.name or "",
            fields=fields,  # type: ignore[arg-type]
            now=now,
        )

    def update(self, actor: Actor, row: MediaFile, changes: Any, now: datetime.datetime) -> MediaFile:
        return update_media(actor=actor, media=row, changes=changes, now=now)

    def delete(self, actor: Actor, row: MediaFile, now: datetime.datetime) -> None:
        delete_media(actor=actor, media=row)

    @staticmethod
    def _one(request: HttpRequest, media_id: Any) -> MediaFile | None:
        return MediaFile.objects.visible_to(request.user, clock.now()).filter(pk=media_id).first()

    @staticmethod
    def _address(media: MediaFile) -> str:
        return reverse("admin:cms_mediafile_file", args=[media.pk])

    def _picture(self, media: MediaFile, spec: str, width: int) -> str:
        address = f"{self._address(media)}?size={spec}"
        return format_html('<img src="{}" alt="{}" width="{}" loading="lazy">', address, media.alt_text, width)
