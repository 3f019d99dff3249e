"""Comments: those of a post in thread order, one of them, and those that wait for a moderator."""

from typing import ClassVar, Final

from django.http import HttpResponse
from rest_framework.request import Request

from api_v2.errors import not_found
from api_v2.keyset import Sort, SortKey
from api_v2.pagination import PAGE_PARAMETERS, read_page_request
from api_v2.post_queries import POSTS
from api_v2.query import named
from api_v2.serializers.comments import COMMENT, read_comment_text, read_new_comment
from api_v2.sources import Source, read_all
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView
from api_v2.views.resources import answer_changed, answer_list, answer_list_of, answer_one_of, found, refuse_members
from api_v2.views.users import NEWEST_FIRST
from cms import policy
from cms.accounts.authentication import credential_of
from cms.choices import CommentStatus, Scope
from cms.costs.bodies import COMMENT_BYTES_MAX
from cms.ids import parse_uuid, with_id
from cms.models import Comment, Post
from cms.services.comments import create_comment, delete_comment, edit_comment, moderate_comment

THREAD_ORDER: Final = Sort((SortKey("thread_path"),))
FILTERS: Final = ("status", "post")
COMMENTS: Final = Source(COMMENT, lambda reader, given: Comment.objects.visible_to(reader, given.now))
COMMENTS_OF_POST: Final = Source(
    COMMENT, lambda reader, given: Comment.objects.visible_to(reader, given.now).filter(post_id=given.post)
)


class PostCommentsView(PublicView):
    body_bytes_max = COMMENT_BYTES_MAX
    takes_strangers = True  # where COMMENTS_BY_GUESTS is on
    scopes = {"GET": Scope.POSTS_READ, "POST": Scope.COMMENTS_WRITE}
    parameters = {"GET": ("fields", *PAGE_PARAMETERS)}

    def get(self, request: Request, slug_or_id: str) -> HttpResponse:
        wanted = read_page_request(self.http_request, self.query, sort=THREAD_ORDER)
        posts = read_all(self.viewer, POSTS, (), "id", "expires_at", **named(slug_or_id))
        if not posts:
            raise not_found()
        self.keep_until(posts[0]["expires_at"])
        return answer_list_of(self, wanted, COMMENTS_OF_POST, post=posts[0]["id"])

    def post(self, request: Request, slug_or_id: str) -> HttpResponse:
        if credential_of(self.http_request) or not policy.may_comment_as_guest(self.actor):
            self.require(policy.may_comment, "Only signed-in users write comments.")
        seen = Post.objects.visible_to(self.actor, self.now)
        post = found(seen.with_slug_or_id(slug_or_id).only("expires_at"))
        fields = read_new_comment(self.body(), self.viewer)
        comment = create_comment(actor=self.actor, post=post, fields=fields, now=self.now)
        return answer_changed(self, comment, COMMENT, created=f"/comments/{comment.pk}")


class CommentsView(ApiView):
    """The comments of all posts, for moderators."""

    scopes = {"GET": Scope.POSTS_READ}
    parameters = {"GET": (*FILTERS, "fields", *PAGE_PARAMETERS)}

    def get(self, request: Request) -> HttpResponse:
        self.require(policy.may_moderate, "Only editors and admins list the comments of all posts.")
        wanted = read_page_request(self.http_request, self.query, sort=NEWEST_FIRST, filters=FILTERS)
        rows = Comment.objects.visible_to(self.actor, self.now)
        if statuses := self.query.choices("status", CommentStatus.values):
            rows = rows.filter(status__in=statuses)
        if posts := self.query.ids("post"):
            rows = rows.filter(post_id__in=posts)
        return answer_list(self, wanted, rows=rows, shape=COMMENT)


class CommentView(ApiView):
    body_bytes_max = COMMENT_BYTES_MAX
    scopes = {"GET": Scope.POSTS_READ, "PATCH": Scope.COMMENTS_WRITE, "DELETE": Scope.COMMENTS_WRITE}
    parameters = {"GET": ("fields",)}

    def get(self, request: Request, comment_id: str) -> HttpResponse:
        return answer_one_of(self, COMMENTS, id=parse_uuid(comment_id))

    def patch(self, request: Request, comment_id: str) -> HttpResponse:
        comment = self._own_comment(comment_id)
        text = read_comment_text(self.body())
        with self.unchanged(comment):
            if text is not None:
                comment = edit_comment(actor=self.actor, comment=comment, text=text, now=self.now)
        return answer_changed(self, comment, COMMENT)

    def delete(self, request: Request, comment_id: str) -> HttpResponse:
        comment = self._own_comment(comment_id)
        with self.unchanged(comment):
            delete_comment(actor=self.actor, comment=comment, now=self.now)
        return self.answer_nothing()

    def _own_comment(self, comment_id: str) -> Comment:
        """Return a comment that the caller sees and may change; else a 401, 403 or 404."""
        self.require(policy.is_known, "Only signed-in users change comments.")
        comment = _comment(self, comment_id)
        self.require(
            lambda actor: policy.may_edit_comment(actor, comment), "Only its author and moderators change this comment."
        )
        return comment


class ModerateCommentView(ApiView):
    scopes = {"POST": Scope.COMMENTS_WRITE}
    resource = CommentView
    status: ClassVar[CommentStatus]

    def post(self, request: Request, comment_id: str) -> HttpResponse:
        self.require(policy.may_moderate, "Only editors and admins moderate comments.")
        comment = _comment(self, comment_id)
        refuse_members(self)
        with self.unchanged(comment):
            comment = moderate_comment(actor=self.actor, comment=comment, status=self.status, now=self.now)
        return answer_changed(self, comment, COMMENT)


class ApproveCommentView(ModerateCommentView):
    status = CommentStatus.PUBLISHED


class RejectCommentView(ModerateCommentView):
    status = CommentStatus.REJECTED


class SpamCommentView(ModerateCommentView):
    status = CommentStatus.SPAM


def _comment(view: ApiView, comment_id: str) -> Comment:
    return found(with_id(Comment.objects.visible_to(view.actor, view.now), parse_uuid(comment_id)))
