"""The paths of API v2 below its base, without trailing slashes, ending in a catch-all that wears the same error shape."""

from django.urls import path, re_path, register_converter

from api_v2.views import auth, comments, posts, terms, users
from api_v2.views.index import missing


class SegmentConverter:
    """One segment of a path. No database can look for a NUL, so that a path with one is no path of ours."""

    regex = r"[^/\x00]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(SegmentConverter, "v2_segment")

urlpatterns = [
    path("posts", posts.PostsView.as_view()),
    path("posts/<v2_segment:slug_or_id>", posts.PostView.as_view()),
    path("posts/<v2_segment:slug_or_id>/comments", comments.PostCommentsView.as_view()),
    path("comments/<v2_segment:comment_id>", comments.CommentView.as_view()),
    path("tags", terms.TagsView.as_view()),
    path("tags/<v2_segment:slug_or_id>", terms.TagView.as_view()),
    path("categories", terms.CategoriesView.as_view()),
    path("categories/tree", terms.CategoryTreeView.as_view()),
    path("categories/<v2_segment:slug_or_id>", terms.CategoryView.as_view()),
    path("users", users.UsersView.as_view()),
    path("me", users.MeView.as_view()),
    path("auth/token", auth.TokenView.as_view()),
    path("auth/token/refresh", auth.TokenRefreshView.as_view()),
    path("auth/logout", auth.LogoutView.as_view()),
    re_path(r"(?s:.*)", missing),
]
