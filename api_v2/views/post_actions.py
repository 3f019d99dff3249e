"""Named actions on a post: going from state to state, and a link to read it before it is public."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.instants import format_instant
from api_v2.links import PINNED
from api_v2.serializers.post_bodies import read_publication
from api_v2.views.api_view import ApiView
from api_v2.views.posts import PostView, answer_post, post_to_change
from api_v2.views.resources import refuse_members
from cms.choices import Scope
from cms.models import Post
from cms.services.post_states import archive_post, publish_post, restore_post, unpublish_post
from cms.services.previews import make_preview


class PostActionView(ApiView):
    scopes = {"POST": Scope.POSTS_WRITE}
    resource = PostView


class PublishPostView(PostActionView):
    """Now, or at `published_at`; a scheduled post may be published before its time."""

    def post(self, request: Request, slug_or_id: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        instants: Any = read_publication(self.body()) if self.http_request.body else {}
        with self.unchanged(post):
            post = publish_post(actor=self.actor, post=post, now=self.now, **instants)
        return answer_post(self, post)


class PostStateView(PostActionView):
    """A change of state that is said by its name alone."""

    change: ClassVar[Callable[..., Post]]

    def post(self, request: Request, slug_or_id: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        refuse_members(self)
        with self.unchanged(post):
            post = type(self).change(actor=self.actor, post=post, now=self.now)
        return answer_post(self, post)


class UnpublishPostView(PostStateView):
    change = staticmethod(unpublish_post)


class ArchivePostView(PostStateView):
    change = staticmethod(archive_post)


class RestorePostView(PostStateView):
    change = staticmethod(restore_post)


class PreviewPostView(PostActionView):
    """A link that shows the post for an hour to everybody who has it. On the pinned path: any reader may follow it."""

    is_replayable = False  # everybody who has the link may read the post

    def post(self, request: Request, slug_or_id: str) -> HttpResponse:
        post = post_to_change(self, slug_or_id)
        refuse_members(self)
        with self.unchanged(post):
            preview = make_preview(actor=self.actor, post=post, now=self.now)
        url = self.http_request.build_absolute_uri(f"{PINNED}/previews/{preview.token}")
        return self.answer_once(
            {
                "url": url,
                "front_end_url": preview.front_end_url,
                "token": preview.token,
                "expires_at": format_instant(preview.expires_at),
            }
        )
