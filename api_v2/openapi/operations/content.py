"""Posts and all that hangs on them: revisions, comments, terms, media, and the ways to find them."""

from typing import Final

from api_v2.openapi.operations.operation import (
    Operation,
    Operations,
    acting,
    changing,
    creating,
    deleting,
    getting,
    listing,
)
from api_v2.openapi.schemas import ref

_POST: Final = "/posts/{slug_or_id}"
_REVISION: Final = f"{_POST}/revisions/{{number}}"
_COMMENT: Final = "/comments/{comment_id}"
_MEDIA: Final = "/media/{media_id}"
_MOVED: Final = {301: "The post is at another address, that of Location."}
_STATE: Final = "invalid_transition"

POSTS: Final[Operations] = {
    "/posts": {
        "get": listing("list_posts", "Posts", "PostList", query={"sort": "post_sort"}),
        "post": creating("create_post", "Create a draft", "Post", "NewPost", problems=("duplicate",)),
    },
    _POST: {
        "get": getting("get_post", "One post", "Post", also=_MOVED),
        "patch": changing(
            *("update_post", "Change a post", "Post", "PostChanges"),
            *("duplicate", "version_conflict", "too_much_kept"),
        ),
        "delete": deleting("trash_post", "Move a post to the trash", _STATE, "version_conflict"),
    },
    f"{_POST}/actions/publish": {
        "post": acting(
            "publish_post", "Publish a post, now or later", "Post", _STATE, "version_conflict", body="Publication"
        )
    },
    f"{_POST}/actions/unpublish": {
        "post": acting("unpublish_post", "Make a post a draft again", "Post", _STATE, "version_conflict")
    },
    f"{_POST}/actions/archive": {"post": acting("archive_post", "Archive a post", "Post", _STATE, "version_conflict")},
    f"{_POST}/actions/restore": {
        "post": acting("restore_post", "Bring a post back from trash or archive", "Post", _STATE, "version_conflict")
    },
    f"{_POST}/actions/preview": {
        "post": acting("preview_post", "A link that shows the post for an hour", "Preview", _STATE)
    },
    "/previews/{token}": {
        "get": Operation("get_preview", "A post as a preview link shows it", ref("Post"), is_conditional=False)
    },
    f"{_POST}/revisions": {
        "get": listing("list_revisions", "The history of a post", "RevisionList", item="RevisionSummary")
    },
    _REVISION: {
        "get": getting("get_revision", "One revision with its content", "Revision"),
        "delete": deleting("discard_draft", "Discard a draft revision"),
    },
    f"{_REVISION}/diff": {"get": Operation("compare_revisions", "What differs between two", ref("RevisionDiff"))},
    f"{_REVISION}/actions/restore": {
        "post": acting(
            "restore_revision", "Make a draft revision of an old one", "Revision", "too_many_drafts", status=201
        )
    },
    f"{_REVISION}/actions/apply": {
        "post": acting(
            "apply_revision",
            "Make a draft revision what the post says",
            "Post",
            "duplicate",
            "version_conflict",
            _STATE,
        )
    },
    "/redirects": {
        "get": Operation(
            "find_redirect",
            "Where the post of an old address is now",
            status=301,
            is_conditional=False,
            problems=("not_found",),
        )
    },
}
COMMENTS: Final[Operations] = {
    f"{_POST}/comments": {
        "get": listing("list_post_comments", "The comments of a post in thread order", "CommentList"),
        "post": creating("create_comment", "Write a comment", "Comment", "NewComment"),
    },
    "/comments": {
        "get": listing(
            "list_comments",
            "The comments of all posts, for moderators",
            "CommentList",
            needs_user=True,
            query={"status": "comment_status"},
        )
    },
    _COMMENT: {
        "get": getting("get_comment", "One comment", "Comment"),
        "patch": changing("update_comment", "Change a comment", "Comment", "CommentChanges", _STATE),
        "delete": deleting("delete_comment", "Delete a comment", _STATE),
    },
    f"{_COMMENT}/actions/approve": {"post": acting("approve_comment", "Publish a comment", "Comment", _STATE)},
    f"{_COMMENT}/actions/reject": {"post": acting("reject_comment", "Reject a comment", "Comment", _STATE)},
    f"{_COMMENT}/actions/spam": {"post": acting("mark_comment_as_spam", "Mark as spam", "Comment", _STATE)},
}
TERMS: Final[Operations] = {
    "/tags": {
        "get": listing("list_tags", "Tags by name", "TagList"),
        "post": creating("create_tag", "Create a tag", "Tag", "NewTag", problems=("duplicate",)),
    },
    "/tags/{slug_or_id}": {
        "get": getting("get_tag", "One tag", "Tag"),
        "patch": changing("update_tag", "Change a tag", "Tag", "TagChanges", "duplicate"),
        "delete": deleting("delete_tag", "Delete a tag and take it from all posts"),
    },
    "/categories": {
        "get": listing("list_categories", "Categories by name", "CategoryList", item="Category"),
        "post": creating("create_category", "Create a category", "Category", "NewCategory", problems=("duplicate",)),
    },
    "/categories/tree": {"get": Operation("get_category_tree", "All categories as a tree", ref("CategoryTree"))},
    "/categories/{slug_or_id}": {
        "get": getting("get_category", "One category", "Category"),
        "patch": changing("update_category", "Change a category", "Category", "CategoryChanges", "duplicate"),
        "delete": deleting("delete_category", "Delete a category that no post uses", "in_use"),
    },
}
MEDIA: Final[Operations] = {
    "/media": {
        "get": listing("list_media", "Files", "MediaList", query={"kind": "media_kind", "q": "media_q"}),
        "post": creating("upload_media", "Upload a file", "Media", "Upload"),
    },
    _MEDIA: {
        "get": getting("get_media", "What is known of a file", "Media"),
        "patch": changing("update_media", "Describe a file anew", "Media", "MediaChanges"),
        "delete": deleting("delete_media", "Delete a file that no post shows", "in_use"),
    },
    f"{_MEDIA}/content": {"get": Operation("download_media", "The bytes of a file")},
    f"{_MEDIA}/renditions/{{spec}}": {"get": Operation("get_rendition", "An image in another size")},
}
FINDING: Final[Operations] = {
    "/search": {
        "get": Operation(
            "search_posts",
            "Search posts, the best hits first",
            ref("SearchResults"),
            fields_of="Post",
            query={"sort": "search_sort", "q": "search_q"},
        )
    },
    "/search/suggest": {
        "get": Operation(
            "suggest",
            "Titles and tags that go on from a prefix",
            ref("Suggestions"),
            query={"q": "suggest_q", "limit": "suggest_limit"},
        )
    },
    "/feed.atom": {"get": Operation("get_feed", "The newest posts as an Atom feed")},
    "/sitemap.xml": {
        "get": Operation(
            "get_sitemap",
            "The addresses of all public posts and pages",
            is_conditional=False,
            problems=("not_found",),
        )
    },
    "/openapi.json": {"get": Operation("get_openapi", "This document", ref("OpenApiDocument"))},
    "/docs": {"get": Operation("get_docs", "This document as a page for people")},
    "/docs/v1-to-v2": {
        "get": Operation(
            "get_migration_guide", "What each call of v1 is in v2, as a page for people", problems=("not_found",)
        )
    },
    "/changelog": {"get": Operation("get_changelog", "What has changed in API v2, as a page for people")},
}
