"""Sending stored files to browsers: pages show images alone in place, and nothing in a file runs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.db.models.fields.files import FieldFile
from django.http import FileResponse

from cms.media.names import download_name

SANDBOX: Final = "default-src 'none'; sandbox"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def send_file(
    file: FieldFile, *, mime_type: str, original_name: str, headers: Mapping[str, str] = NO_HEADERS
) -> FileResponse:
    """Return the bytes under a name that ends as their type does. Raise FileNotFoundError if they are gone."""
    stored_as = str(file.name)
    return FileResponse(
        file.storage.open(stored_as),
        content_type=mime_type,
        as_attachment=not mime_type.startswith("image/"),
        filename=download_name(original_name, stored_as),
        headers={**headers, "Content-Security-Policy": SANDBOX},
    )
