"""The place of media: a folder of this machine, or a bucket when one is named. It can be configured without the SDK."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cms.environment import refuse, without_password

_RULES = {
    "MEDIA_S3_BUCKET": (
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "use a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens",
    ),
    "MEDIA_S3_PREFIX": (
        r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*",
        "use folders such as site/media, of letters, digits, dots, hyphens and underscores, with slashes between",
    ),
    "MEDIA_S3_REGION": (r"[A-Za-z0-9-]{1,64}", "use a region's name, such as eu-central-1"),
    "MEDIA_S3_ACCESS_KEY_ID": (r"[!-~]+", "use visible ASCII characters without blanks"),
    "MEDIA_S3_SECRET_ACCESS_KEY": (r"[!-~]+", "use visible ASCII characters without blanks"),
}
_ID, _SECRET = "MEDIA_S3_ACCESS_KEY_ID", "MEDIA_S3_SECRET_ACCESS_KEY"


def media_storage(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry of Django's STORAGES for the variables `MEDIA_S3_…`; end the process if they don't fit."""
    named = {name: value for name, value in given.items() if value}
    if not named:
        modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": modes}
    if "MEDIA_S3_BUCKET" not in named:
        refuse("MEDIA_S3_BUCKET", "", f"it is required where {next(iter(named))} is set")
    for name, other in ((_ID, _SECRET), (_SECRET, _ID)):
        if name in named and other not in named:
            refuse(other, "", f"it is required where {name} is set; with neither, the SDK looks for credentials itself")
    for name, (pattern, allowed) in _RULES.items():
        if name in named and not re.fullmatch(pattern, named[name]):
            refuse(name, "***" if name == _SECRET else named[name], allowed)
    if not _is_endpoint(named.get("MEDIA_S3_ENDPOINT_URL", "https://default")):
        refuse(
            "MEDIA_S3_ENDPOINT_URL",
            without_password(named["MEDIA_S3_ENDPOINT_URL"]),
            "use http(s)://HOST[:PORT]",
        )
    return {
        "BACKEND": "cms.media.bucket.BucketStorage",
        "OPTIONS": {
            "bucket_name": named["MEDIA_S3_BUCKET"],
            "location": named.get("MEDIA_S3_PREFIX", ""),
            "endpoint_url": named.get("MEDIA_S3_ENDPOINT_URL"),
            "region_name": named.get("MEDIA_S3_REGION"),
            "access_key": named.get("MEDIA_S3_ACCESS_KEY_ID"),
            "secret_key": named.get("MEDIA_S3_SECRET_ACCESS_KEY"),
        },
    }


def _is_endpoint(value: str) -> bool:
    try:
        url = urlsplit(value)
        _ = url.port  # raises for an invalid port
    except ValueError:
        return False
    is_bare = not (url.username or url.password or url.query or url.fragment)
    return url.scheme in ("http", "https") and bool(url.hostname) and is_bare and not re.search(r"\s", value)
