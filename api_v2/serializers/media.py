"""Media files as JSON, and the body that changes a file's description."""

import uuid
from typing import Any, Final

from django.conf import settings

from api_v2.json_schema import (
    FROM_LEFT,
    FROM_TOP,
    NUMBER,
    POSITIVE,
    TEXT,
    UUID_OR_NULL,
    described,
    obj_or_null,
    or_null,
    ref,
    text_of,
)
from api_v2.pagination import Row
from api_v2.serializers.bodies import Body, Member, Members, read_body
from api_v2.serializers.shapes import ENTITY, Field, Shape, Viewer, column
from cms import limits, policy
from cms.services.media import MediaFields

TEXTS: Final = {"alt_text": text_of(0, limits.ALT_TEXT_MAX), "caption": text_of(0, limits.DESCRIPTION_MAX)}
FOCAL_POINT: Final[Members] = {"x": Member(FROM_LEFT, Body.fraction), "y": Member(FROM_TOP, Body.fraction)}


def _uploaded_by(row: Row, viewer: Viewer) -> uuid.UUID | None:
    """Return the uploader, for editors and the uploader only: not every uploader is an author known to readers."""
    uploader: uuid.UUID = row["uploaded_by_id"]
    is_told = policy.may_edit_all_media(viewer.actor) or viewer.actor.pk == uploader
    return uploader if is_told else None


def _focal_point(row: Row, viewer: Viewer) -> dict[str, float] | None:
    return None if row["focal_x"] is None else {"x": row["focal_x"], "y": row["focal_y"]}


def _links(row: Row, viewer: Viewer) -> dict[str, Any]:
    path = f"{viewer.base}/media/{row['id']}"
    file = f"{settings.MEDIA_BASE_URL}{path}"
    specs = limits.RENDITIONS if row["mime_type"].startswith("image/") else ()
    return {
        "self": path,
        "content": f"{file}/content",
        "renditions": {spec: f"{file}/renditions/{spec}" for spec in specs},
    }


_FOCAL_POINT: Final = described(obj_or_null("FocalPoint"), "The part of an image that cropping keeps; null if unset.")
MEDIA: Final[Shape] = {
    **ENTITY,
    "original_name": column("original_name"),
    "mime_type": column("mime_type"),
    "size_bytes": column("size_bytes", NUMBER),
    "sha256": column("sha256", {**TEXT, "pattern": "^[0-9a-f]{64}$"}),
    "width": column("width", or_null(POSITIVE)),
    "height": column("height", or_null(POSITIVE)),
    "alt_text": column("alt_text"),
    "caption": column("caption"),
    "focal_point": Field(("focal_x", "focal_y"), _focal_point, _FOCAL_POINT),
    "uploaded_by": Field(("uploaded_by_id",), _uploaded_by, UUID_OR_NULL),
    "links": Field(("id", "mime_type"), _links, ref("MediaLinks")),
}


def _focus(body: Body, name: str) -> dict[str, float | None]:
    if body.is_null(name):
        return {"focal_x": None, "focal_y": None}
    # Whole, unlike other objects of a merge patch: half a point is none.
    point = body.inner(name, FOCAL_POINT, required=FOCAL_POINT)
    return {f"focal_{axis}": value for axis, value in point.items()}


MEMBERS: Final[Members] = {
    **{name: Member(or_null(schema), Body.text_or_empty) for name, schema in TEXTS.items()},
    "focal_point": Member(obj_or_null("NewFocalPoint"), _focus),
}


def read_media_changes(value: Any) -> MediaFields:
    changes = read_body(value, MEMBERS)
    changes |= changes.pop("focal_point", {})
    return changes  # type: ignore[return-value]
