"""v1's routes, relative to `/api/v1` or `/api`. None ends in a slash."""

from django.urls import path

from api_v1.views.admin import AdminPostListView, AdminPostView
from api_v1.views.api_keys import ApiKeyListView, ApiKeyView
from api_v1.views.auth import CsrfTokenView, LoginView, LogoutView, ProfileView, RefreshView, RegisterView
from api_v1.views.categories import CategoryListView, CategoryView
from api_v1.views.comments import PostCommentListView
from api_v1.views.health import HealthView, LivenessView
from api_v1.views.info import InfoView
from api_v1.views.openapi import OpenApiView
from api_v1.views.posts import PostListView, PostView
from api_v1.views.search import ReindexView, SearchStatsView, SearchView, SuggestView
from api_v1.views.tags import TagListView, TagView
from api_v1.views.users import UserListView, UserView

urlpatterns = [
    path("", InfoView.as_view()),
    path("/info", InfoView.as_view()),
    path("/health", HealthView.as_view()),
    path("/health/liveness", LivenessView.as_view()),
    path("/health/readiness", HealthView.as_view()),
    path("/auth/register", RegisterView.as_view()),
    path("/auth/login", LoginView.as_view()),
    path("/auth/refresh", RefreshView.as_view()),
    path("/auth/logout", LogoutView.as_view()),
    path("/auth/profile", ProfileView.as_view()),
    path("/csrf-token", CsrfTokenView.as_view()),
    path("/posts", PostListView.as_view()),
    path("/posts/<str:uuid>", PostView.as_view()),
    path("/posts/<str:uuid>/comments", PostCommentListView.as_view()),
    path("/admin/posts", AdminPostListView.as_view()),
    path("/admin/posts/<str:uuid>", AdminPostView.as_view()),
    path("/users", UserListView.as_view()),
    path("/users/<str:uuid>", UserView.as_view()),
    path("/api-keys", ApiKeyListView.as_view()),
    path("/api-keys/<str:uuid>", ApiKeyView.as_view()),
    path("/tags", TagListView.as_view()),
    path("/tags/<str:slug>", TagView.as_view()),
    path("/categories", CategoryListView.as_view()),
    path("/categories/<str:slug>", CategoryView.as_view()),
    path("/search", SearchView.as_view()),
    path("/search/suggest", SuggestView.as_view()),
    path("/search/stats", SearchStatsView.as_view()),
    path("/search/reindex", ReindexView.as_view()),
    path("/openapi.json", OpenApiView.as_view()),
]
