"""The peer on django-ninja: schemas in pydantic, keyset cursors, prefetching, JSON written by orjson as its manual shows."""

import base64
import datetime
import uuid
from typing import Any

import orjson
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import path
from ninja import NinjaAPI, Schema, Status
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.security import HttpBearer
from pydantic import Field, field_validator

from cms.models import Post
from tests.bench import peers


class FastParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        return orjson.loads(request.body)


class FastRenderer(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data)


class SignedToken(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> Any:
        user = peers.user_of(token)
        if user:
            request.user = user
        return user


class Visitor(SignedToken):
    """Anybody, and a token only if there is one."""

    def __call__(self, request: HttpRequest) -> Any:
        if "Authorization" in request.headers:
            return super().__call__(request)
        request.user = AnonymousUser()
        return True


class Author(Schema):
    id: uuid.UUID
    username: str
    display_name: str
    bio: str


class Term(Schema):
    id: uuid.UUID
    name: str
    slug: str


class TagOut(Term):
    description: str
    usage_count: int


class PostOut(Schema):
    id: uuid.UUID
    slug: str
    title: str
    content: str
    excerpt: str
    status: str
    language: str
    author: Any = Field(alias="author_id")
    tags: list[Any]
    categories: list[uuid.UUID]
    meta_title: str
    meta_description: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    published_at: datetime.datetime | None

    @field_validator("tags", "categories", mode="before")
    @classmethod
    def ids_of(cls, value: Any) -> Any:
        """What was prefetched."""
        return [term.pk for term in value]


class ExpandedPostOut(Schema):
    id: uuid.UUID
    slug: str
    title: str
    content: str
    excerpt: str
    status: str
    language: str
    author: Author
    tags: list[Term]
    categories: list[uuid.UUID]
    meta_title: str
    meta_description: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    published_at: datetime.datetime | None

    @field_validator("categories", mode="before")
    @classmethod
    def ids_of(cls, value: Any) -> Any:
        return [term.pk for term in value]


class CommentOut(Schema):
    id: uuid.UUID
    post: uuid.UUID = Field(alias="post_id")
    author: Author | None
    author_name: str
    text: str
    parent: uuid.UUID | None = Field(alias="parent_id")
    depth: int
    created_at: datetime.datetime


class Posts(Schema):
    results: list[PostOut]
    next: str | None = None


class ExpandedPosts(Schema):
    results: list[ExpandedPostOut]
    next: str | None = None


class Tags(Schema):
    results: list[TagOut]


class Comments(Schema):
    results: list[CommentOut]


class NewPost(Schema):
    title: str = Field(max_length=200)
    content: str
    tags: list[str] = []


class Changes(Schema):
    title: str | None = Field(None, max_length=200)
    content: str | None = None


class NewComment(Schema):
    text: str


api = NinjaAPI(parser=FastParser(), renderer=FastRenderer(), docs_url=None, openapi_url=None)
VISITOR, WRITER = Visitor(), SignedToken()


def _cursor_of(post: Post) -> str:
    return base64.urlsafe_b64encode(f"{post.published_at.isoformat()}|{post.pk}".encode()).decode()


def _after(cursor: str) -> Q:
    instant, _, pk = base64.urlsafe_b64decode(cursor).decode().partition("|")
    return Q(published_at__lte=instant) & (Q(published_at__lt=instant) | Q(id__lt=pk))


def _page(request: HttpRequest, rows: QuerySet[Post], cursor: str | None) -> dict[str, Any]:
    rows = rows.filter(_after(cursor)) if cursor else rows
    found = list(rows.order_by("-published_at", "-id")[: peers.PAGE + 1])
    query = request.GET.copy()
    if len(found) > peers.PAGE:
        query["cursor"] = _cursor_of(found[peers.PAGE - 1])
    following = f"{request.path}?{query.urlencode()}" if len(found) > peers.PAGE else None
    return {"results": found[: peers.PAGE], "next": following}


@api.get("/posts", response=Posts, auth=VISITOR)
def list_posts(
    request: HttpRequest, tag: str | None = None, published_after: str | None = None, cursor: str | None = None
) -> Any:
    return _page(request, peers.chosen(peers.posts_seen(request.user), tag, published_after), cursor)


@api.get("/expanded-posts", response=ExpandedPosts, auth=VISITOR)
def list_expanded_posts(request: HttpRequest, cursor: str | None = None) -> Any:
    return _page(request, peers.posts_seen(request.user, is_expanded=True), cursor)


@api.get("/search", response=Posts, auth=VISITOR)
def search(request: HttpRequest, q: str) -> Any:
    return {"results": peers.posts_found(request.user, q)}


@api.get("/tags", response=Tags, auth=VISITOR)
def list_tags(request: HttpRequest) -> Any:
    return {"results": list(peers.tags_seen()[: peers.TAGS])}


@api.get("/posts/{slug}", response=PostOut, auth=VISITOR)
def read_post(request: HttpRequest, slug: str) -> Any:
    return get_object_or_404(peers.posts_seen(request.user), **peers.named(slug))


@api.post("/posts", response={201: PostOut}, auth=WRITER)
def create_post(request: HttpRequest, given: NewPost) -> Any:
    return Status(201, peers.create(request.user, **given.dict()))


@api.patch("/posts/{slug}", response=PostOut, auth=WRITER)
def edit_post(request: HttpRequest, slug: str, given: Changes) -> Any:
    try:
        return peers.edit(request.user, slug, **given.dict(exclude_unset=True))
    except Post.DoesNotExist:
        raise Http404 from None


@api.get("/posts/{slug}/comments", response=Comments, auth=VISITOR)
def list_comments(request: HttpRequest, slug: str) -> Any:
    return {"results": list(peers.comments_seen(peers.post_seen(request.user, slug)))}


@api.post("/posts/{slug}/comments", response={201: CommentOut}, auth=WRITER)
def write_comment(request: HttpRequest, slug: str, given: NewComment) -> Any:
    return Status(201, peers.comment(request.user, peers.post_seen(request.user, slug), given.text))


urlpatterns = [path("api/token/<uuid:user_id>", peers.issue_token), path("api/", api.urls)]
