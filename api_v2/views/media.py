"""Media: files uploaded, listed, described, deleted; their bytes and renditions, for those who may see the file."""

import datetime
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from api_v2.errors import Problem
from api_v2.files import file_response
from api_v2.negotiation import is_accepted
from api_v2.pagination import AS_ONE, PAGE_PARAMETERS, Reading, read_page_request
from api_v2.parsing import refuse_other_types
from api_v2.query import Query
from api_v2.serializers.media import MEDIA, read_media_changes
from api_v2.uploads import BODY_BYTES_MAX, MEDIA_TYPE, read_upload, refusal_of
from api_v2.views.api_view import ApiView
from api_v2.views.resources import answer_changed, answer_list, answer_one, found
from api_v2.views.users import NEWEST_FIRST
from cms import limits, policy
from cms.choices import Scope
from cms.costs.bodies import refuse_larger
from cms.errors import InvalidInput
from cms.ids import parse_uuid, with_id
from cms.media.names import download_name
from cms.media.preparing import prepared_ahead
from cms.media.renditions import RENDITION_TYPE
from cms.models import MediaFile, Rendition
from cms.querysets.media import MediaFileQuerySet
from cms.services.media import delete_media, get_or_make_rendition, update_media, upload_media

FILTERS: Final = ("kind", "q")
KINDS: Final = ("image", "document")


class MediaListView(ApiView):
    body_bytes_max = BODY_BYTES_MAX
    takes_parts = True
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.MEDIA_WRITE}
    parameters = {"GET": (*FILTERS, "fields", *PAGE_PARAMETERS)}

    def admit(self, request: Request, now: datetime.datetime) -> None:
        super().admit(request, now)
        if request.method == "POST":  # before anything reads the body
            self.require(policy.may_upload_media, "Only authors, editors and admins upload files.")
            refuse_other_types(self.http_request, (MEDIA_TYPE,), "An upload")
            refuse_larger(self.http_request, self.body_bytes_max)

    def get(self, request: Request) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FILTERS)
        asked = _asked_for(self.query, MediaFile.objects.all())
        how = AS_ONE
        if not policy.may_edit_all_media(self.actor):
            how = Reading(among=asked, all_at_once=asked.all_visible_to(self.actor, self.now))
        return answer_list(self, wanted, rows=asked.visible_to(self.actor, self.now), shape=MEDIA, how=how)

    def ahead(self) -> AbstractContextManager[None]:
        try:
            upload, _ = read_upload(self.http_request)
        except Problem:
            return nullcontext()
        return prepared_ahead(upload, upload.name or "")

    def post(self, request: Request) -> HttpResponse:
        upload, fields = read_upload(self.http_request)
        name = upload.name or ""
        try:
            media = upload_media(actor=self.actor, upload=upload, original_name=name, fields=fields, now=self.now)
        except InvalidInput as error:
            raise refusal_of(error) from error
        return answer_changed(self, media, MEDIA, created=f"/media/{media.pk}")


class MediaItemView(ApiView):
    def rows_of(self, media_id: str) -> QuerySet[MediaFile]:
        """Return the row of the file, if the caller may see it."""
        return with_id(MediaFile.objects.visible_to(self.actor, self.now), parse_uuid(media_id))


class MediaFileView(MediaItemView):
    scopes = {"GET": Scope.POSTS_READ, "PATCH": Scope.MEDIA_WRITE, "DELETE": Scope.MEDIA_WRITE}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, media_id: str) -> HttpResponse:
        return answer_one(self, rows=self.rows_of(media_id), shape=MEDIA)

    def patch(self, request: Request, media_id: str) -> HttpResponse:
        media, changes = self._own_media(media_id), read_media_changes(self.body())
        with self.unchanged(media):
            update_media(actor=self.actor, media=media, changes=changes, now=self.now)
        return answer_changed(self, media, MEDIA)

    def delete(self, request: Request, media_id: str) -> HttpResponse:
        media = self._own_media(media_id)
        with self.unchanged(media, is_doomed=True):
            delete_media(actor=self.actor, media=media)
        return self.answer_nothing()

    def _own_media(self, media_id: str) -> MediaFile:
        self.require(policy.may_upload_media, "Only authors, editors and admins change files.")
        media = found(self.rows_of(media_id))
        self.require(lambda actor: policy.may_edit_media(actor, media), "Only editors and its uploader change a file.")
        return media


class FileView(MediaItemView):
    """Responds with bytes of any type; errors are problem details all the same."""

    scopes = {"GET": Scope.POSTS_READ}

    def answer_file(self, stored: MediaFile | Rendition, *, shown_as: str, etag: str) -> HttpResponseBase:
        if not is_accepted(self.http_request.META.get("HTTP_ACCEPT"), stored.mime_type):
            raise Problem("not_acceptable", f"This is {stored.mime_type}, which the Accept header rules out.")
        is_public = not policy.is_known(self.actor)
        return file_response(self.http_request, stored, shown_as=shown_as, etag=etag, is_public=is_public)


class ContentView(FileView):
    media_type = "application/octet-stream"

    def is_acceptable(self) -> bool:
        """Accept for now: the type is known when the file is."""
        return True

    def get(self, request: Request, media_id: str) -> HttpResponseBase:
        media = found(self.rows_of(media_id))
        shown_as = download_name(media.original_name, str(media.file.name))
        return self.answer_file(media, shown_as=shown_as, etag=f'"0-{media.sha256[:24]}"')


class RenditionView(FileView):
    """Made when it is first asked for."""

    media_type = RENDITION_TYPE.mime_type

    def get(self, request: Request, media_id: str, spec: str) -> HttpResponseBase:
        media = found(self.rows_of(media_id))
        made = get_or_make_rendition(media=media, spec=spec, now=self.now)
        stem = media.original_name.rpartition(".")[0] or media.original_name
        etag = f'"0-{media.sha256[:24]}-{spec}{_cut_at(media, spec)}"'
        return self.answer_file(made, shown_as=f"{stem}-{spec}{RENDITION_TYPE.extension}", etag=etag)


def _cut_at(media: MediaFile, spec: str) -> str:
    """Return what the bytes of a rendition that is cut depend on, beside the file."""
    is_cut = limits.RENDITIONS[spec].height is not None
    return f"-{media.focal_x}-{media.focal_y}" if is_cut and media.focal_point else ""


def _asked_for(query: Query, rows: MediaFileQuerySet) -> MediaFileQuerySet:
    kinds = query.choices("kind", KINDS, KINDS)
    if len(kinds) == 1:
        is_image = Q(mime_type__startswith="image/")
        rows = rows.filter(is_image if kinds == ["image"] else ~is_image)
    if text := query.text("q"):
        rows = rows.filter(Q(original_name__icontains=text) | Q(alt_text__icontains=text) | Q(caption__icontains=text))
    return rows
