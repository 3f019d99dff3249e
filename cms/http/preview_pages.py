"""A plain page for each preview link, for sites without a front end of their own, and the files that the post shows."""

import uuid
from typing import Any, Final

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from cms import clock
from cms.errors import NotFound
from cms.media.sending import send_file
from cms.services.previews import media_previewed, path_of_media, post_previewed, with_media_through

HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
PAGE_CSP: Final[Any] = {**settings.STATIC_PAGE_CSP, "img-src": [CSP.SELF, "https:"], "frame-ancestors": [CSP.SELF]}
"""Pictures of the content may lie elsewhere; the admin site shows the page in a frame."""


@require_safe
@csp_override(PAGE_CSP)
def preview_page(request: HttpRequest, token: str) -> HttpResponse:
    try:
        post = post_previewed(token=token, now=clock.now()).select_related("author").first()
    except NotFound:
        post = None
    if post is None:
        return _page(request, {"post": None}, status=404)
    image = post.featured_image_id and path_of_media(token, post.featured_image_id)
    return _page(request, {"post": post, "content_html": with_media_through(token, post.content_html), "image": image})


@require_safe
def preview_media(request: HttpRequest, token: str, media_id: uuid.UUID) -> FileResponse:
    try:
        media = media_previewed(token=token, media_id=media_id, now=clock.now())
        return send_file(media.file, mime_type=media.mime_type, original_name=media.original_name, headers=HEADERS)
    except (NotFound, FileNotFoundError) as error:
        raise Http404 from error


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, "cms/preview.html", context, status=status)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response
