"""Posts behind a preview link, drafts too: shown to everybody who has the link, and to no cache or index."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.responses import json_response
from api_v2.serializers.posts import POST, relation_columns
from api_v2.serializers.shapes import columns_of, selected, write
from api_v2.views.api_view import ApiView
from cms.services.previews import post_previewed, with_media_through


class PreviewView(ApiView):
    authentication_classes = []  # the link is the credential: what else a browser sends along doesn't matter
    scopes = {"GET": None}

    def get(self, request: Request, token: str) -> HttpResponse:
        posts = post_previewed(token=token, now=self.now)
        row = selected(posts.order_by(), columns_of(POST, POST), relation_columns(self.actor)).first()
        if row is None:
            raise not_found("This link no longer works.")
        opened = {**row, "content_html": with_media_through(token, row["content_html"])}
        response = json_response(self.http_request, write(opened, POST, POST, self.viewer))
        response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
