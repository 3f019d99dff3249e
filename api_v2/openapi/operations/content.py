"""Posts and all that hangs on them: revisions, comments, terms, media, and the ways to find them."""

from typing import Final

from api_v2.json_schema import ref
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

_POST: Final = "/posts/{slug_or_id}"
_REVISION: Final = f"{_POST}/revisions/{{number}}"
_COMMENT: Final = "/comments/{comment_id}"
_MEDIA: Final = "/media/{media_id}"
_MOVED: Final = {301: "The post has moved to the address in Location."}
_STATE: Final = "invalid_transition"

POSTS: Final[Operations] = {
    "/posts": {
        "get": listing("list_posts", "List posts", "PostList", query={"sort": "post_sort"}),
        "post": creating("create_post", "Create a draft", "Post", "NewPost", problems=("duplicate",)),
    },
    _POST: {
        "get": getting("get_post", "Get a post", "Post", also=_MOVED),
        "patch": changing(
            *("update_post", "Change a post", "Post", "PostChanges"),
            *("duplicate", "version_conflict", "too_much_kept"),
        ),
        "delete": deleting("trash_post", "Move a post to the trash", _STATE, "version_conflict"),
    },
    f"{_POST}/actions/publish": {
        "post": acting("publish_post", "Publish a post", "Post", _STATE, "version_conflict", body="Publication")
    },
    f"{_POST}/actions/unpublish": {
        "post": acting("unpublish_post", "Unpublish a post", "Post", _STATE, "version_conflict")
    },
    f"{_POST}/actions/archive": {"post": acting("archive_post", "Archive a post", "Post", _STATE, "version_conflict")},
    f"{_POST}/actions/restore": {"post": acting("restore_post", "Restore a post", "Post", _STATE, "version_conflict")},
    f"{_POST}/actions/preview": {"post": acting("preview_post", "Create a preview link", "Preview", _STATE)},
    "/previews/{token}": {
        "get": Operation("get_preview", "Get a post by its preview link", ref("Post"), is_conditional=False)
    },
    f"{_POST}/revisions": {
        "get": listing("list_revisions", "List the revisions of a post", "RevisionList", item="RevisionSummary")
    },
    _REVISION: {
        "get": getting("get_revision", "Get a revision", "Revision"),
        "delete": deleting("discard_draft", "Discard a draft revision"),
    },
    f"{_REVISION}/diff": {"get": Operation("compare_revisions", "Compare two revisions", ref("RevisionDiff"))},
    f"{_REVISION}/actions/restore": {
        "post": acting("restore_revision", "Restore a revision as a draft", "Revision", "too_many_drafts", status=201)
    },
    f"{_REVISION}/actions/apply": {
        "post": acting(
            "apply_revision",
            "Apply a draft revision",
            "Post",
            "duplicate",
            "version_conflict",
            _STATE,
        )
    },
    "/redirects": {
        "get": Operation(
            "find_redirect",
            "Find the post of an old address",
            status=301,
            is_conditional=False,
            problems=("not_found",),
        )
    },
}
COMMENTS: Final[Operations] = {
    f"{_POST}/comments": {
        "get": listing("list_post_comments", "List the comments of a post", "CommentList"),
        "post": creating("create_comment", "Write a comment", "Comment", "NewComment"),
    },
    "/comments": {
        "get": listing(
            "list_comments",
            "List comments for moderation",
            "CommentList",
            needs_user=True,
            query={"status": "comment_status"},
        )
    },
    _COMMENT: {
        "get": getting("get_comment", "Get a comment", "Comment"),
        "patch": changing("update_comment", "Change a comment", "Comment", "CommentChanges", _STATE),
        "delete": deleting("delete_comment", "Delete a comment", _STATE),
    },
    f"{_COMMENT}/actions/approve": {"post": acting("approve_comment", "Approve a comment", "Comment", _STATE)},
    f"{_COMMENT}/actions/reject": {"post": acting("reject_comment", "Reject a comment", "Comment", _STATE)},
    f"{_COMMENT}/actions/spam": {"post": acting("mark_comment_as_spam", "Mark a comment as spam", "Comment", _STATE)},
}
TERMS: Final[Operations] = {
    "/tags": {
        "get": listing("list_tags", "List tags", "TagList"),
        "post": creating("create_tag", "Create a tag", "Tag", "NewTag", problems=("duplicate",)),
    },
    "/tags/{slug_or_id}": {
        "get": getting("get_tag", "Get a tag", "Tag"),
        "patch": changing("update_tag", "Change a tag", "Tag", "TagChanges", "duplicate"),
        "delete": deleting("delete_tag", "Delete a tag"),
    },
    "/categories": {
        "get": listing("list_categories", "List categories", "CategoryList", item="Category"),
        "post": creating("create_category", "Create a category", "Category", "NewCategory", problems=("duplicate",)),
    },
    "/categories/tree": {"get": Operation("get_category_tree", "Get the tree of categories", ref("CategoryTree"))},
    "/categories/{slug_or_id}": {
        "get": getting("get_category", "Get a category", "Category"),
        "patch": changing("update_category", "Change a category", "Category", "CategoryChanges", "duplicate"),
        "delete": deleting("delete_category", "Delete an unused category", "in_use"),
    },
}
MEDIA: Final[Operations] = {
    "/media": {
        "get": listing("list_media", "List files", "MediaList", query={"kind": "media_kind", "q": "media_q"}),
        "post": creating("upload_media", "Upload a file", "Media", "Upload"),
    },
    _MEDIA: {
        "get": getting("get_media", "Get a file's details", "Media"),
        "patch": changing("update_media", "Change a file's description", "Media", "MediaChanges"),
        "delete": deleting("delete_media", "Delete an unused file", "in_use"),
    },
    f"{_MEDIA}/content": {"get": Operation("download_media", "Download a file")},
    f"{_MEDIA}/renditions/{{spec}}": {"get": Operation("get_rendition", "Download an image in another size")},
}
FINDING: Final[Operations] = {
    "/search": {
        "get": Operation(
            "search_posts",
            "Search posts",
            ref("SearchResults"),
            fields_of="Post",
            query={"sort": "search_sort", "q": "search_q"},
        )
    },
    "/search/suggest": {
        "get": Operation(
            "suggest",
            "Suggest titles and tags",
            ref("Suggestions"),
            query={"q": "suggest_q", "limit": "suggest_limit"},
        )
    },
    "/feed.atom": {"get": Operation("get_feed", "Get the Atom feed")},
    "/sitemap.xml": {
        "get": Operation(
            "get_sitemap",
            "Get the sitemap",
            is_conditional=False,
            problems=("not_found",),
        )
    },
    "/openapi.json": {"get": Operation("get_openapi", "Get this document", ref("OpenApiDocument"))},
    "/docs": {"get": Operation("get_docs", "Get this document as a page")},
    "/docs/v1-to-v2": {"get": Operation("get_migration_guide", "Get the guide from v1 to v2", problems=("not_found",))},
    "/changelog": {"get": Operation("get_changelog", "Get the changes of API v2")},
}
