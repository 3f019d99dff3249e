"""What v1 is measured against: the same models behind REST framework as its tutorial teaches it, with prefetching.

Four statements a list: count, page, tags, categories; no join for an author of whom only the id is shown, and no unused
column of a million characters: the way of a developer who knows what a query costs. Filters, API keys' scopes and the
error page of v1 are not here, which is in this side's favour.
"""

from typing import Any

from django.db.models import QuerySet
from django.urls import include, path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ModelViewSet

from cms.models import Post, Tag


class Pages(PageNumberPagination):
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100


class PostSerializer(serializers.ModelSerializer[Post]):
    tags = serializers.SlugRelatedField(many=True, slug_field="name", queryset=Tag.objects.all())
    categories: Any = serializers.SlugRelatedField(many=True, slug_field="name", read_only=True)

    class Meta:
        model = Post
        fields = [
            *("id", "title", "content", "excerpt", "status", "author", "tags", "categories"),
            *("meta_title", "meta_description", "created_at", "updated_at", "published_at"),
        ]


class TagSerializer(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "name", "slug", "description", "usage_count"]


class PostViewSet(ModelViewSet[Post]):
    serializer_class = PostSerializer
    pagination_class = Pages
    renderer_classes = [JSONRenderer]

    def get_queryset(self) -> QuerySet[Post]:
        public = Post.objects.visible_to(self.request.user, timezone.now()).posts()  # type: ignore[arg-type]
        listed: Any = public.prefetch_related("tags", "categories").defer("content_html")
        return listed.order_by("-created_at", "-id")  # type: ignore[no-any-return]


class TagViewSet(ModelViewSet[Tag]):
    queryset = Tag.objects.by_name()
    serializer_class = TagSerializer
    pagination_class = Pages
    renderer_classes = [JSONRenderer]
    lookup_field = "slug"


router = SimpleRouter(trailing_slash=False)
router.register("posts", PostViewSet, basename="post")
router.register("tags", TagViewSet, basename="tag")
urlpatterns = [path("api/v1/", include(router.urls))]
