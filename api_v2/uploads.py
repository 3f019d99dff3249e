"""Uploads: a body of multipart/form-data with one file and texts that describe it."""

from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError

from api_v2.errors import ErrorItem, Problem, invalid_body
from cms import limits
from cms.errors import SHOWN_MAX, InvalidInput, shown
from cms.services.media import MediaFields

MEDIA_TYPE: Final = "multipart/form-data"
FILE: Final = "file"
TEXTS: Final = ("alt_text", "caption")
PARTS: Final = (FILE, *TEXTS)
# The size of a body beside the file: the texts, each character as four bytes, and the heads of the parts.
BODY_BYTES_MAX: Final = (
    limits.DOCUMENT_BYTES_MAX + 4 * (limits.ALT_TEXT_MAX + limits.DESCRIPTION_MAX + limits.FILE_NAME_MAX) + 16 * 1024
)
_REFUSALS: Final = {"too_large": "body_too_large", "unsupported_type": "unsupported_media_type"}


def parts_of(request: HttpRequest) -> tuple[QueryDict, Any]:
    """Return the texts and the files of the body."""
    try:
        return request.POST, request.FILES
    except MultiPartParserError as error:
        raise Problem("bad_request", f"The body is not valid {MEDIA_TYPE}: {error}.") from error


def read_upload(request: HttpRequest) -> "tuple[UploadedFile[bytes], MediaFields]":
    texts, files = parts_of(request)
    counts = [(name, len(values)) for part in (texts, files) for name, values in part.lists()]
    errors = [_unknown(name) for name, _ in counts if name not in PARTS]
    twice = [name for name, times in counts if times > 1 and name in PARTS]
    errors += [ErrorItem("repeated", f"{name!r} is given more than once.", f"/{name}") for name in twice]
    errors += [ErrorItem("invalid_type", "A text is expected, not a file.", f"/{n}") for n in TEXTS if n in files]
    if FILE in texts:
        errors.append(ErrorItem("invalid_type", "A file is expected, with its name.", f"/{FILE}"))
    elif FILE not in files:
        errors.append(ErrorItem("required", f"The part {FILE!r} is required.", f"/{FILE}"))
    if errors:
        raise invalid_body(errors)
    fields: MediaFields = {name: texts[name] for name in TEXTS if name in texts}  # type: ignore[assignment]
    return files[FILE], fields


def refusal_of(error: InvalidInput) -> Exception:
    """Return the refusal: a file that is too large or of an unaccepted type has its own status; others keep theirs."""
    first = error.errors[0]
    if first.field != FILE or first.code not in _REFUSALS:
        return error
    return Problem(_REFUSALS[first.code], first.message, [ErrorItem(first.code, first.message, f"/{FILE}")])


def _unknown(name: str) -> ErrorItem:
    message = f"There is no part {shown(name)} here; allowed are: {', '.join(PARTS)}."
    return ErrorItem("unknown_member", message, f"/{name[:SHOWN_MAX].replace('~', '~0').replace('/', '~1')}")
