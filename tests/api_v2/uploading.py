"""A file that is sent to v2, and the bytes that come back."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.api_v2.sending import send
from tests.cms.media.pictures import photograph

PDF = b"%PDF-1.7\n%%EOF\n"
PHOTO = photograph(size=(400, 300))


def upload(client: Client, content: bytes = PHOTO, name: str = "photo.jpg", **parts: Any) -> Any:
    headers = parts.pop("headers", {})
    return client.post("/api/v2/media", {"file": SimpleUploadedFile(name, content), **parts}, headers=headers)


def bytes_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def look(client: Client, method: str, path: str, **headers: str) -> Any:
    """The answer after its bytes were read, which closes its file."""
    answer = send(client, method, path, **headers)
    answer.read_bytes = bytes_of(answer)
    return answer
