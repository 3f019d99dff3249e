"""Addresses of the past: of a site that was imported, and of posts that were renamed."""

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.query import refused
from api_v2.views.api_view import ApiView
from api_v2.views.posts import moved_to
from cms.choices import Scope
from cms.models import Post
from cms.text.old_paths import old_paths_of


class RedirectsView(ApiView):
    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": ("path",)}

    def get(self, request: Request) -> HttpResponse:
        path = self.query.text("path")
        if path is None:
            raise refused("path", "required", "'path' is required: the path of an old address, with its query.")
        if not path.startswith("/"):
            raise refused("path", "invalid_path", "'path' begins with a slash, such as /2019/05/old-title/.")
        slug = Post.objects.visible_to(self.actor, self.now).slug_of_old_path(old_paths_of(path))
        if slug is None:
            raise not_found("No post that you may see had this address.")
        return moved_to(self, slug)
