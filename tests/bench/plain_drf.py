"""What v1 is measured against: the same models behind REST framework as its tutorial teaches it, with prefetching.

Four statements a list: count, page, tags, categories; no join for an author of whom only the id is shown, and no unused
column of a million characters: the way of a developer who knows what a query costs. The search asks the same index, ranks
alike and counts; passwords are hashed with the same Argon2id. Not here, which is in this side's favour: filters, API keys'
scopes, the error page, facets of the search, and of what is written: rendering, revisions, audit, webhooks, mails.
"""

import secrets
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.urls import include, path
from django.utils import timezone
from django.utils.text import slugify
from rest_framework import serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.filters import BaseFilterBackend
from rest_framework.mixins import CreateModelMixin
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from cms.models import Post, Tag, User
from cms.search.english import english_key

MATCHING = "SELECT post_id FROM cms_searchdocument WHERE vector @@ plainto_tsquery('simple', %s)"
RANK = "SELECT ts_rank(vector, plainto_tsquery('simple', %s), 1) FROM cms_searchdocument WHERE post_id = cms_post.id"


class Pages(PageNumberPagination):
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100


class FullTextSearch(BaseFilterBackend):
    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        if not (text := request.query_params.get("search")):
            return queryset
        word = english_key(text)
        found: QuerySet[Any] = queryset.filter(pk__in=RawSQL(MATCHING, [word]))
        ranked: QuerySet[Any] = found.annotate(rank=RawSQL(RANK, [word])).order_by("-rank", "-id")
        return ranked


class PostSerializer(serializers.ModelSerializer[Post]):
    tags = serializers.SlugRelatedField(many=True, slug_field="name", queryset=Tag.objects.all())
    categories: Any = serializers.SlugRelatedField(many=True, slug_field="name", read_only=True)

    class Meta:
        model = Post
        fields = [
            *("id", "title", "content", "excerpt", "status", "author", "tags", "categories"),
            *("meta_title", "meta_description", "created_at", "updated_at", "published_at"),
        ]
        read_only_fields = ["author", "status", "created_at", "updated_at", "published_at"]


class TagSerializer(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "name", "slug", "description", "usage_count"]


class UserSerializer(serializers.ModelSerializer[User]):
    token = serializers.CharField(source="auth_token.key", read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "email", "password", "token"]
        extra_kwargs = {"password": {"write_only": True}}

    def validate_password(self, password: str) -> str:
        validate_password(password)
        return password

    def create(self, validated_data: dict[str, Any]) -> User:
        password = validated_data.pop("password")
        now = timezone.now()
        user = User(**validated_data, created_at=now, updated_at=now)
        user.set_password(password)
        user.save()
        Token.objects.create(user=user)
        return user


class PostViewSet(ModelViewSet[Post]):
    serializer_class = PostSerializer
    pagination_class = Pages
    renderer_classes = [JSONRenderer]
    filter_backends = [FullTextSearch]
    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticatedOrReadOnly]

    def get_queryset(self) -> QuerySet[Post]:
        public = Post.objects.visible_to(self.request.user, timezone.now()).posts()  # type: ignore[arg-type]
        listed: Any = public.prefetch_related("tags", "categories").defer("content_html")
        return listed.order_by("-created_at", "-id")  # type: ignore[no-any-return]

    def perform_create(self, serializer: serializers.BaseSerializer[Post]) -> None:
        slug = f"{slugify(serializer.validated_data['title'])[:180]}-{secrets.token_hex(4)}"
        now = timezone.now()
        serializer.save(author=self.request.user, slug=slug, created_at=now, updated_at=now)

    def perform_update(self, serializer: serializers.BaseSerializer[Post]) -> None:
        serializer.save(updated_at=timezone.now())


class TagViewSet(ModelViewSet[Tag]):
    queryset = Tag.objects.by_name()
    serializer_class = TagSerializer
    pagination_class = Pages
    renderer_classes = [JSONRenderer]
    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticatedOrReadOnly]
    lookup_field = "slug"


class UserViewSet(CreateModelMixin, GenericViewSet[User]):
    queryset = User.objects.all()
    serializer_class = UserSerializer
    renderer_classes = [JSONRenderer]
    authentication_classes = []


class LoginView(ObtainAuthToken):
    authentication_classes = []


router = SimpleRouter(trailing_slash=False)
router.register("posts", PostViewSet, basename="post")
router.register("tags", TagViewSet, basename="tag")
router.register("users", UserViewSet, basename="user")
urlpatterns = [path("api/v1/", include(router.urls)), path("api/v1/login", LoginView.as_view())]
