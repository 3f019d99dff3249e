"""v1's routes, relative to `/api/v1` or `/api`. None ends in a slash."""

from django.urls import path

from api_v1.views.auth import LoginView, LogoutView, ProfileView, RefreshView, RegisterView
from api_v1.views.categories import CategoryListView, CategoryView
from api_v1.views.comments import PostCommentListView
from api_v1.views.health import HealthView, LivenessView
from api_v1.views.info import InfoView
from api_v1.views.posts import PostListView, PostView
from api_v1.views.tags import TagListView, TagView

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
    path("/posts", PostListView.as_view()),
    path("/posts/<str:uuid>", PostView.as_view()),
    path("/posts/<str:uuid>/comments", PostCommentListView.as_view()),
    path("/tags", TagListView.as_view()),
    path("/tags/<str:slug>", TagView.as_view()),
    path("/categories", CategoryListView.as_view()),
    path("/categories/<str:slug>", CategoryView.as_view()),
]
