"""Files as responses: uploaded bytes, sent so that no browser runs anything in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.core.files.storage import Storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from api_v2.errors import not_found
from api_v2.responses import PRIVATE, PUBLIC, VARY, is_match
from cms.media.sending import SANDBOX

SAFETY: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": SANDBOX,
}


@dataclass(frozen=True)
class StoredFile:
    storage: Storage
    name: str
    content_type: str
    size_bytes: int
    shown_as: str
    """The name that a client saves it under."""
    etag: str
    """The bytes never change, so it is of the file and not of its row."""

    @property
    def is_shown_in_place(self) -> bool:
        return self.content_type.startswith("image/")


def file_response(request: HttpRequest, file: StoredFile, *, is_public: bool) -> HttpResponseBase:
    """Return 200 with the bytes, or 304. Caches ask before each use, so a file that gets hidden is gone at once."""
    try:
        response = _response(request, file)
    except FileNotFoundError as error:
        raise not_found("The bytes of this file are gone.") from error
    disposition = content_disposition_header(not file.is_shown_in_place, file.shown_as)
    headers = {
        **SAFETY,
        "Content-Type": file.content_type,
        "Content-Length": str(file.size_bytes),
        "Content-Disposition": disposition or "inline",
        "Cache-Control": PUBLIC if is_public else PRIVATE,
        "Vary": VARY,
        "ETag": file.etag,
    }
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _response(request: HttpRequest, file: StoredFile) -> HttpResponseBase:
    is_known = is_match(request.META.get("HTTP_IF_NONE_MATCH"), file.etag)
    if not is_known and request.method != "HEAD":
        return FileResponse(file.storage.open(file.name))
    if not file.storage.exists(file.name):  # a 304 would say that it is there
        raise FileNotFoundError
    return HttpResponse(status=304 if is_known else 200)
