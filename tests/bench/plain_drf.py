"""The peer on REST framework: serializers without models, cursors, prefetching, a token of its own.

A serializer made from a model would find its fields again for every request. Lists go by cursor and do not count, as
v2's don't; with `page` they are numbered and counted, as v1's are.
"""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.pagination import BasePagination, CursorPagination, PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cms.models import Post, User
from tests.bench import peers


class SignedToken(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme != "Bearer":
            return None
        if user := peers.user_of(token):
            return user, None
        raise AuthenticationFailed

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TermIdsField(serializers.Field):  # type: ignore[type-arg]
    """What was prefetched, as ids."""

    def to_representation(self, value: Any) -> list[str]:
        return [str(term.pk) for term in value.all()]


class AuthorSerializer(serializers.Serializer[User]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    bio = serializers.CharField()


class TermSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class TagSerializer(TermSerializer):
    description = serializers.CharField()
    usage_count = serializers.IntegerField()


class PostSerializer(serializers.Serializer[Post]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    content = serializers.CharField()
    excerpt = serializers.CharField()
    status = serializers.CharField()
    language = serializers.CharField()
    author: Any = serializers.UUIDField(source="author_id")
    tags: Any = TermIdsField()
    categories = TermIdsField()
    meta_title = serializers.CharField()
    meta_description = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField()


class ExpandedPostSerializer(PostSerializer):
    author = AuthorSerializer()
    tags = TermSerializer(many=True)


class CommentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    post: Any = serializers.UUIDField(source="post_id")
    author = AuthorSerializer()
    author_name = serializers.CharField()
    text = serializers.CharField()
    parent: Any = serializers.UUIDField(source="parent_id")
    depth = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class NewPost(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200)
    content = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField(), default=list)


class Changes(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, required=False)
    content = serializers.CharField(required=False)


class NewComment(serializers.Serializer[Any]):
    text = serializers.CharField()


class NewestFirst(CursorPagination):
    page_size = peers.PAGE
    ordering = ("-published_at", "-id")


class ByName(CursorPagination):
    page_size = peers.TAGS
    ordering = ("name", "id")


class Numbered(PageNumberPagination):
    page_size = peers.PAGE
    page_size_query_param = "limit"
    max_page_size = peers.TAGS


class View(APIView):
    authentication_classes = [SignedToken]
    permission_classes = [IsAuthenticatedOrReadOnly]
    renderer_classes = [JSONRenderer]
    parser_classes = [JSONParser]
    cursor: type[BasePagination]

    def page(self, request: Request, rows: QuerySet[Any], serializer: type[serializers.Serializer[Any]]) -> Response:
        is_numbered = "page" in request.query_params
        pages = Numbered() if is_numbered else self.cursor()
        rows = rows.order_by(*getattr(self.cursor, "ordering", ())) if is_numbered else rows
        found: Any = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(serializer(found, many=True).data)

    def read(self, request: Request, serializer: type[serializers.Serializer[Any]]) -> Any:
        given = serializer(data=request.data)
        given.is_valid(raise_exception=True)
        return given.validated_data


class PostsView(View):
    cursor = NewestFirst

    def get(self, request: Request) -> Response:
        asked = request.query_params
        rows = peers.chosen(peers.posts_seen(request.user), asked.get("tag"), asked.get("published_after"))
        return self.page(request, rows, PostSerializer)

    def post(self, request: Request) -> Response:
        return Response(PostSerializer(peers.create(request.user, **self.read(request, NewPost))).data, status=201)


class ExpandedPostsView(View):
    cursor = NewestFirst

    def get(self, request: Request) -> Response:
        return self.page(request, peers.posts_seen(request.user, is_expanded=True), ExpandedPostSerializer)


class SearchView(View):
    def get(self, request: Request) -> Response:
        hits: Any = peers.posts_found(request.user, request.query_params["q"])
        return Response({"results": PostSerializer(hits, many=True).data})


class PostView(View):
    def get(self, request: Request, slug: str) -> Response:
        return Response(PostSerializer(get_object_or_404(peers.posts_seen(request.user), **peers.named(slug))).data)

    def patch(self, request: Request, slug: str) -> Response:
        try:
            post = peers.edit(request.user, slug, **self.read(request, Changes))
        except Post.DoesNotExist:
            raise Http404 from None
        return Response(PostSerializer(post).data)


class CommentsView(View):
    def get(self, request: Request, slug: str) -> Response:
        comments = peers.comments_seen(peers.post_seen(request.user, slug))
        return Response({"results": CommentSerializer(comments, many=True).data})

    def post(self, request: Request, slug: str) -> Response:
        post, text = peers.post_seen(request.user, slug), self.read(request, NewComment)["text"]
        return Response(CommentSerializer(peers.comment(request.user, post, text)).data, status=201)


class TagsView(View):
    cursor = ByName

    def get(self, request: Request) -> Response:
        return self.page(request, peers.tags_seen(), TagSerializer)


urlpatterns = [
    path("api/posts", PostsView.as_view()),
    path("api/expanded-posts", ExpandedPostsView.as_view()),
    path("api/search", SearchView.as_view()),
    path("api/posts/<str:slug>", PostView.as_view()),
    path("api/posts/<str:slug>/comments", CommentsView.as_view()),
    path("api/tags", TagsView.as_view()),
    path("api/token/<uuid:user_id>", peers.issue_token),
]
