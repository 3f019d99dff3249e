"""Posts behind a preview link, drafts too: shown to everybody who has the link, and to no cache or index."""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.post_queries import PostSelection
from api_v2.responses import json_response
from api_v2.serializers.posts import POST, relation_columns
from api_v2.serializers.shapes import Viewer, columns_of, selected
from api_v2.views.api_view import ApiView
from cms.services.post_media import with_media_below
from cms.services.previews import post_previewed, with_media_through


class PreviewView(ApiView):
    authentication_classes = []  # the link is the credential: what else a browser sends along doesn't matter
    scopes = {"GET": None}

    def get(self, request: Request, token: str) -> HttpResponse:
        posts = post_previewed(token=token, now=self.now)
        reader = Viewer(AnonymousUser(), self.now, self.viewer.base)
        selection = PostSelection.whole()
        columns = columns_of(POST, selection.fields)
        row = selected(posts.order_by(), columns, relation_columns(reader.actor)).first()
        if row is None:
            raise not_found("This link no longer works.")
        shown = selection.write(row, reader)
        opened = with_media_through(token, row["content_html"])
        shown["content_html"] = with_media_below(opened, settings.MEDIA_BASE_URL)
        response = json_response(self.http_request, shown)
        response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
