"""The paths of API v2 below its base, without trailing slashes; the catch-all at the end has the same error shape."""

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from api_v2.openapi.views import ChangelogView, DocsView, MigrationGuideView, OpenApiView
from api_v2.views import (
    account_mails,
    api_keys,
    audit,
    auth,
    comments,
    me,
    media,
    post_actions,
    posts,
    previews,
    redirects,
    revisions,
    search,
    syndication,
    terms,
    users,
    webhooks,
)
from api_v2.views.index import missing


class SegmentConverter(StringConverter):
    """One segment of a path. A path with a NUL is not ours, because no database can look for a NUL."""

    regex = r"[^/\x00]+"


register_converter(SegmentConverter, "v2_segment")

urlpatterns = [
    path("posts", posts.PostsView.as_view()),
    path("posts/<v2_segment:slug_or_id>", posts.PostView.as_view()),
    path("posts/<v2_segment:slug_or_id>/actions/publish", post_actions.PublishPostView.as_view()),
    path("posts/<v2_segment:slug_or_id>/actions/unpublish", post_actions.UnpublishPostView.as_view()),
    path("posts/<v2_segment:slug_or_id>/actions/archive", post_actions.ArchivePostView.as_view()),
    path("posts/<v2_segment:slug_or_id>/actions/restore", post_actions.RestorePostView.as_view()),
    path("posts/<v2_segment:slug_or_id>/actions/preview", post_actions.PreviewPostView.as_view()),
    path("previews/<v2_segment:token>", previews.PreviewView.as_view()),
    path("posts/<v2_segment:slug_or_id>/revisions", revisions.RevisionsView.as_view()),
    path("posts/<v2_segment:slug_or_id>/revisions/<v2_segment:number>", revisions.RevisionView.as_view()),
    path("posts/<v2_segment:slug_or_id>/revisions/<v2_segment:number>/diff", revisions.RevisionDiffView.as_view()),
    path(
        "posts/<v2_segment:slug_or_id>/revisions/<v2_segment:number>/actions/restore",
        revisions.RestoreRevisionView.as_view(),
    ),
    path(
        "posts/<v2_segment:slug_or_id>/revisions/<v2_segment:number>/actions/apply",
        revisions.ApplyRevisionView.as_view(),
    ),
    path("posts/<v2_segment:slug_or_id>/comments", comments.PostCommentsView.as_view()),
    path("comments", comments.CommentsView.as_view()),
    path("comments/<v2_segment:comment_id>", comments.CommentView.as_view()),
    path("comments/<v2_segment:comment_id>/actions/approve", comments.ApproveCommentView.as_view()),
    path("comments/<v2_segment:comment_id>/actions/reject", comments.RejectCommentView.as_view()),
    path("comments/<v2_segment:comment_id>/actions/spam", comments.SpamCommentView.as_view()),
    path("redirects", redirects.RedirectsView.as_view()),
    path("tags", terms.TagsView.as_view()),
    path("tags/<v2_segment:slug_or_id>", terms.TagView.as_view()),
    path("categories", terms.CategoriesView.as_view()),
    path("categories/tree", terms.CategoryTreeView.as_view()),
    path("categories/<v2_segment:slug_or_id>", terms.CategoryView.as_view()),
    path("media", media.MediaListView.as_view()),
    path("media/<v2_segment:media_id>", media.MediaFileView.as_view()),
    path("media/<v2_segment:media_id>/content", media.ContentView.as_view()),
    path("media/<v2_segment:media_id>/renditions/<v2_segment:spec>", media.RenditionView.as_view()),
    path("users", users.UsersView.as_view()),
    path("users/<v2_segment:user_id>", users.UserView.as_view()),
    path("users/<v2_segment:user_id>/actions/suspend", users.SuspendUserView.as_view()),
    path("users/<v2_segment:user_id>/actions/activate", users.ActivateUserView.as_view()),
    path("users/<v2_segment:user_id>/actions/set-role", users.SetRoleView.as_view()),
    path("me", me.MeView.as_view()),
    path("me/password", me.PasswordView.as_view()),
    path("me/sessions", me.SessionsView.as_view()),
    path("me/sessions/<v2_segment:session_id>", me.SessionView.as_view()),
    path("auth/token", auth.TokenView.as_view()),
    path("auth/token/refresh", auth.TokenRefreshView.as_view()),
    path("auth/logout", auth.LogoutView.as_view()),
    path("auth/password-reset", account_mails.PasswordResetView.as_view()),
    path("auth/password-reset/confirm", account_mails.PasswordResetConfirmView.as_view()),
    path("auth/verify-email", account_mails.VerifyEmailView.as_view()),
    path("api-keys", api_keys.ApiKeysView.as_view()),
    path("api-keys/<v2_segment:key_id>", api_keys.ApiKeyView.as_view()),
    path("webhooks", webhooks.WebhooksView.as_view()),
    path("webhooks/<v2_segment:webhook_id>", webhooks.WebhookView.as_view()),
    path("webhooks/<v2_segment:webhook_id>/deliveries", webhooks.DeliveriesView.as_view()),
    path("deliveries/<v2_segment:delivery_id>/actions/replay", webhooks.ReplayView.as_view()),
    path("audit", audit.AuditView.as_view()),
    path("search", search.SearchView.as_view()),
    path("search/suggest", search.SuggestView.as_view()),
    path("feed.atom", syndication.FeedView.as_view()),
    path("sitemap.xml", syndication.SitemapView.as_view()),
    path("openapi.json", OpenApiView.as_view()),
    path("docs", DocsView.as_view()),
    path("docs/v1-to-v2", MigrationGuideView.as_view()),
    path("changelog", ChangelogView.as_view()),
    re_path(r"(?s:.*)", missing),
]
