"""Files as responses: uploaded bytes, sent so that no browser runs anything in them."""

from collections.abc import Mapping
from typing import Final

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from api_v2.errors import not_found
from api_v2.responses import PRIVATE, PUBLIC, VARY, is_match
from cms.media.sending import SANDBOX
from cms.models import MediaFile, Rendition

SAFETY: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": SANDBOX,
}


def file_response(
    request: HttpRequest, stored: MediaFile | Rendition, *, shown_as: str, etag: str, is_public: bool
) -> HttpResponseBase:
    """Return 200 with the bytes, or 304. Caches ask before each use, so a file that gets hidden is gone at once.

    A client saves it as `shown_as`. The bytes never change, so `etag` is of the file and not of its row.
    """
    try:
        response = _response(request, stored.file, etag)
    except FileNotFoundError as error:
        raise not_found("The bytes of this file are gone.") from error
    disposition = content_disposition_header(not stored.mime_type.startswith("image/"), shown_as)
    headers = {
        **SAFETY,
        "Content-Type": stored.mime_type,
        "Content-Length": str(stored.size_bytes),
        "Content-Disposition": disposition or "inline",
        "Cache-Control": PUBLIC if is_public else PRIVATE,
        "Vary": VARY,
        "ETag": etag,
    }
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _response(request: HttpRequest, file: FieldFile, etag: str) -> HttpResponseBase:
    is_known, name = is_match(request.META.get("HTTP_IF_NONE_MATCH"), etag), str(file.name)
    if not is_known and request.method != "HEAD":
        return FileResponse(file.storage.open(name))
    if not file.storage.exists(name):  # a 304 would say that it is there
        raise FileNotFoundError
    return HttpResponse(status=304 if is_known else 200)
