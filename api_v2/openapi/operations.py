"""Every operation of v2, by verb and path: all that neither routes nor views declare. A test compares the two."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from api_v2.json_schema import Schema, ref
from api_v2.openapi.resources import whole_or_part


@dataclass(frozen=True)
class Operation:
    id: str
    """The name that generated clients call it by."""
    summary: str
    answer: Schema | None = None
    """The schema of its body, None where there is none or it isn't JSON."""
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict)
    """Other answers without a body that are not refusals, each with a sentence."""
    body: str | None = None
    """The name of the schema of its request."""
    is_body_optional: bool = False
    needs_user: bool = False
    fields_of: str | None = None
    """The resource whose members `fields` names."""
    query: Mapping[str, str] = field(default_factory=dict)
    """By parameter, which of its meanings in `parameters.py` it has here; its own name otherwise."""
    problems: tuple[str, ...] = ()
    """Codes beyond those that follow from what it takes."""
    is_conditional: bool = True
    """Whether a GET has an ETag and answers 304, and a change takes If-Match."""


type Operations = Mapping[str, Operation]
"""By verb and path below the base."""


def listing(id: str, summary: str, name: str, *, item: str | None = None, **more: object) -> Operation:
    """GET of a list whose items are `item`s, by their whole or the members named."""
    fields_of = item or name.removesuffix("List")
    return Operation(id, summary, ref(name), fields_of=fields_of, **more)  # type: ignore[arg-type]


def getting(id: str, summary: str, name: str, **more: object) -> Operation:
    return Operation(id, summary, whole_or_part(name), fields_of=name, **more)  # type: ignore[arg-type]


def creating(id: str, summary: str, name: str, body: str, *problems: str, needs_user: bool = True) -> Operation:
    return Operation(id, summary, ref(name), 201, body=body, needs_user=needs_user, problems=problems)


def changing(id: str, summary: str, name: str, body: str, *problems: str) -> Operation:
    return Operation(id, summary, ref(name), body=body, needs_user=True, problems=problems)


def deleting(id: str, summary: str, *problems: str) -> Operation:
    return Operation(id, summary, status=204, needs_user=True, problems=problems)


def acting(id: str, summary: str, name: str, *problems: str, body: str = "Nothing", status: int = 200) -> Operation:
    """POST to an action; one that says all by its path takes no body, or an empty object."""
    is_bare = body in ("Nothing", "Publication")
    return Operation(
        id, summary, ref(name), status, body=body, is_body_optional=is_bare, needs_user=True, problems=problems
    )


_POST: Final = "/posts/{slug_or_id}"
_REVISION: Final = f"{_POST}/revisions/{{number}}"
_COMMENT: Final = "/comments/{comment_id}"
_MEDIA: Final = "/media/{media_id}"
_MOVED: Final = {301: "The post has moved to the address in Location."}
_STATE: Final = "invalid_transition"
_USER: Final = "/users/{user_id}"
_CREDENTIALS: Final = (
    *("invalid_credentials", "second_factor_required", "invalid_second_factor"),
    "second_factor_setup_required",
)
_SENT: Final = {202: "The server sends a mail if the account exists. The response is the same if it does not."}

POSTS: Final[Operations] = {
    "GET /posts": listing("list_posts", "List posts", "PostList", query={"sort": "post_sort"}),
    "POST /posts": creating("create_post", "Create a draft", "Post", "NewPost", "duplicate"),
    f"GET {_POST}": getting("get_post", "Get a post", "Post", also=_MOVED),
    f"PATCH {_POST}": changing(
        *("update_post", "Change a post", "Post", "PostChanges"), *("duplicate", "version_conflict", "too_much_kept")
    ),
    f"DELETE {_POST}": deleting("trash_post", "Move a post to the trash", _STATE, "version_conflict"),
    f"POST {_POST}/actions/publish": acting(
        "publish_post", "Publish a post", "Post", _STATE, "version_conflict", body="Publication"
    ),
    f"POST {_POST}/actions/unpublish": acting("unpublish_post", "Unpublish a post", "Post", _STATE, "version_conflict"),
    f"POST {_POST}/actions/archive": acting("archive_post", "Archive a post", "Post", _STATE, "version_conflict"),
    f"POST {_POST}/actions/restore": acting("restore_post", "Restore a post", "Post", _STATE, "version_conflict"),
    f"POST {_POST}/actions/preview": acting("preview_post", "Create a preview link", "Preview", _STATE),
    "GET /previews/{token}": Operation(
        "get_preview", "Get a post by its preview link", ref("Post"), is_conditional=False
    ),
    f"GET {_POST}/revisions": listing(
        "list_revisions", "List the revisions of a post", "RevisionList", item="RevisionSummary"
    ),
    f"GET {_REVISION}": getting("get_revision", "Get a revision", "Revision"),
    f"DELETE {_REVISION}": deleting("discard_draft", "Discard a draft revision"),
    f"GET {_REVISION}/diff": Operation("compare_revisions", "Compare two revisions", ref("RevisionDiff")),
    f"POST {_REVISION}/actions/restore": acting(
        "restore_revision", "Restore a revision as a draft", "Revision", "too_many_drafts", status=201
    ),
    f"POST {_REVISION}/actions/apply": acting(
        "apply_revision", "Apply a draft revision", "Post", "duplicate", "version_conflict", _STATE
    ),
    "GET /redirects": Operation(
        "find_redirect", "Find the post of an old address", status=301, is_conditional=False, problems=("not_found",)
    ),
}
COMMENTS: Final[Operations] = {
    f"GET {_POST}/comments": listing("list_post_comments", "List the comments of a post", "CommentList"),
    f"POST {_POST}/comments": creating("create_comment", "Write a comment", "Comment", "NewComment"),
    "GET /comments": listing(
        "list_comments",
        "List comments for moderation",
        "CommentList",
        needs_user=True,
        query={"status": "comment_status"},
    ),
    f"GET {_COMMENT}": getting("get_comment", "Get a comment", "Comment"),
    f"PATCH {_COMMENT}": changing("update_comment", "Change a comment", "Comment", "CommentChanges", _STATE),
    f"DELETE {_COMMENT}": deleting("delete_comment", "Delete a comment", _STATE),
    f"POST {_COMMENT}/actions/approve": acting("approve_comment", "Approve a comment", "Comment", _STATE),
    f"POST {_COMMENT}/actions/reject": acting("reject_comment", "Reject a comment", "Comment", _STATE),
    f"POST {_COMMENT}/actions/spam": acting("mark_comment_as_spam", "Mark a comment as spam", "Comment", _STATE),
}
TERMS: Final[Operations] = {
    "GET /tags": listing("list_tags", "List tags", "TagList"),
    "POST /tags": creating("create_tag", "Create a tag", "Tag", "NewTag", "duplicate"),
    "GET /tags/{slug_or_id}": getting("get_tag", "Get a tag", "Tag"),
    "PATCH /tags/{slug_or_id}": changing("update_tag", "Change a tag", "Tag", "TagChanges", "duplicate"),
    "DELETE /tags/{slug_or_id}": deleting("delete_tag", "Delete a tag"),
    "GET /categories": listing("list_categories", "List categories", "CategoryList"),
    "POST /categories": creating("create_category", "Create a category", "Category", "NewCategory", "duplicate"),
    "GET /categories/tree": Operation("get_category_tree", "Get the tree of categories", ref("CategoryTree")),
    "GET /categories/{slug_or_id}": getting("get_category", "Get a category", "Category"),
    "PATCH /categories/{slug_or_id}": changing(
        "update_category", "Change a category", "Category", "CategoryChanges", "duplicate"
    ),
    "DELETE /categories/{slug_or_id}": deleting("delete_category", "Delete an unused category", "in_use"),
}
MEDIA: Final[Operations] = {
    "GET /media": listing("list_media", "List files", "MediaList", query={"kind": "media_kind", "q": "media_q"}),
    "POST /media": creating("upload_media", "Upload a file", "Media", "Upload"),
    f"GET {_MEDIA}": getting("get_media", "Get a file's details", "Media"),
    f"PATCH {_MEDIA}": changing("update_media", "Change a file's description", "Media", "MediaChanges"),
    f"DELETE {_MEDIA}": deleting("delete_media", "Delete an unused file", "in_use"),
    f"GET {_MEDIA}/content": Operation("download_media", "Download a file"),
    f"GET {_MEDIA}/renditions/{{spec}}": Operation("get_rendition", "Download an image in another size"),
}
FINDING: Final[Operations] = {
    "GET /search": Operation(
        "search_posts",
        "Search posts",
        ref("SearchResults"),
        fields_of="Post",
        query={"sort": "search_sort", "q": "search_q"},
    ),
    "GET /search/suggest": Operation(
        "suggest", "Suggest titles and tags", ref("Suggestions"), query={"q": "suggest_q", "limit": "suggest_limit"}
    ),
    "GET /feed.atom": Operation("get_feed", "Get the Atom feed"),
    "GET /sitemap.xml": Operation("get_sitemap", "Get the sitemap", is_conditional=False, problems=("not_found",)),
    "GET /openapi.json": Operation("get_openapi", "Get this document", ref("OpenApiDocument")),
    "GET /docs": Operation("get_docs", "Get this document as a page"),
    "GET /docs/v1-to-v2": Operation("get_migration_guide", "Get the guide from v1 to v2", problems=("not_found",)),
    "GET /changelog": Operation("get_changelog", "Get the changes of API v2"),
}
USERS: Final[Operations] = {
    "GET /users": listing("list_users", "List accounts", "AccountList", needs_user=True, query={"q": "user_q"}),
    "POST /users": creating(
        "register", "Register an account", "Account", "Registration", "duplicate", needs_user=False
    ),
    f"GET {_USER}": Operation(
        "get_user",
        "Get a profile or an account",
        {"anyOf": [ref("Account"), ref("User"), ref("PartialAccount")]},
        fields_of="Account",
    ),
    f"PATCH {_USER}": changing("update_user", "Change an account", "Account", "UserChanges", "duplicate", _STATE),
    f"DELETE {_USER}": Operation(
        "delete_user",
        "Delete an account",
        status=204,
        body="CurrentPassword",
        is_body_optional=True,
        needs_user=True,
        problems=("last_admin", _STATE),
    ),
    f"POST {_USER}/actions/suspend": acting("suspend_user", "Suspend an account", "Account", "last_admin", _STATE),
    f"POST {_USER}/actions/activate": acting("activate_user", "Activate an account", "Account", _STATE),
    f"POST {_USER}/actions/set-role": acting(
        "set_user_role", "Change the role of an account", "Account", "last_admin", _STATE, body="RoleChange"
    ),
    "GET /me": Operation("get_me", "Get your account", ref("Account"), needs_user=True),
    "PATCH /me": changing("update_me", "Change your account", "Account", "UserChanges", "duplicate"),
    "POST /me/password": Operation(
        "change_password",
        "Change your password",
        status=204,
        body="PasswordChange",
        needs_user=True,
        is_conditional=False,
    ),
    "GET /me/sessions": listing("list_sessions", "List your logins", "SessionList", needs_user=True),
    "DELETE /me/sessions": Operation(
        "end_other_sessions", "End your other logins", status=204, needs_user=True, is_conditional=False
    ),
    "GET /me/sessions/{session_id}": getting("get_session", "Get one of your logins", "Session", needs_user=True),
    "DELETE /me/sessions/{session_id}": deleting("end_session", "End one of your logins"),
}
AUTH: Final[Operations] = {
    "POST /auth/token": Operation(
        "create_token", "Create an access token", ref("Tokens"), body="Credentials", problems=_CREDENTIALS
    ),
    "POST /auth/token/refresh": Operation(
        "refresh_token",
        "Refresh your tokens",
        ref("Tokens"),
        body="RefreshToken",
        problems=("invalid_token", "second_factor_setup_required"),
    ),
    "POST /auth/logout": Operation(
        "log_out", "End the current login", status=204, body="Nothing", is_body_optional=True, needs_user=True
    ),
    "POST /auth/password-reset": Operation(
        "request_password_reset", "Request a password reset", status=202, body="EmailAddress"
    ),
    "POST /auth/password-reset/confirm": Operation(
        "reset_password", "Set a new password", status=204, body="PasswordReset"
    ),
    "POST /auth/verify-email": Operation(
        "verify_email", "Verify an e-mail address", status=204, also=_SENT, body="EmailVerification"
    ),
}
OPERATING: Final[Operations] = {
    "GET /api-keys": listing("list_api_keys", "List API keys", "ApiKeyList", needs_user=True),
    "POST /api-keys": creating("create_api_key", "Create an API key", "IssuedApiKey", "NewApiKey", "too_many_api_keys"),
    "GET /api-keys/{key_id}": getting("get_api_key", "Get an API key", "ApiKey", needs_user=True),
    "PATCH /api-keys/{key_id}": changing("update_api_key", "Change an API key", "ApiKey", "ApiKeyChanges", _STATE),
    "DELETE /api-keys/{key_id}": deleting("revoke_api_key", "Revoke an API key"),
    "GET /webhooks": listing("list_webhooks", "List webhooks", "WebhookList", needs_user=True),
    "POST /webhooks": creating("create_webhook", "Create a webhook", "CreatedWebhook", "NewWebhook"),
    "GET /webhooks/{webhook_id}": getting("get_webhook", "Get a webhook", "Webhook", needs_user=True),
    "PATCH /webhooks/{webhook_id}": changing("update_webhook", "Change a webhook", "Webhook", "WebhookChanges"),
    "DELETE /webhooks/{webhook_id}": deleting("delete_webhook", "Delete a webhook"),
    "GET /webhooks/{webhook_id}/deliveries": listing(
        "list_deliveries",
        "List the deliveries of a webhook",
        "DeliveryList",
        needs_user=True,
        query={"status": "delivery_status"},
    ),
    "POST /deliveries/{delivery_id}/actions/replay": acting(
        "replay_delivery", "Replay a dead delivery", "Delivery", _STATE
    ),
    "GET /audit": listing("list_audit_events", "List audit events", "AuditEventList", needs_user=True),
}
# By the heading that they stand under.
GROUPS: Final[dict[str, Operations]] = {
    "Posts": POSTS,
    "Comments": COMMENTS,
    "Tags and categories": TERMS,
    "Media": MEDIA,
    "Finding": FINDING,
    "Users": USERS,
    "Signing in": AUTH,
    "Operating": OPERATING,
}
# The sentences below the summaries of some operations: what else happens, or whom they are for.
NOTES: Final[dict[str, str]] = {
    "publish_post": "The post is published now, or at a later `published_at`.",
    "unpublish_post": "The post is a draft again.",
    "restore_post": "A post from the trash returns to its state before. An archived post becomes a draft.",
    "trash_post": "Restore the post to undo this.",
    "preview_post": "Everybody with the link can read the post for an hour, drafts too.",
    "restore_revision": "Readers see no change until the draft revision is applied.",
    "apply_revision": "The draft revision becomes the content of the post.",
    "find_redirect": "Use it for addresses of an imported site.",
    "list_post_comments": "Comments are in the order of their threads.",
    "list_comments": "For editors.",
    "approve_comment": "The comment is published.",
    "list_tags": "Tags are sorted by name.",
    "delete_tag": "Posts with this tag lose it.",
    "list_categories": "Categories are sorted by name.",
    "delete_category": "A category that posts or other categories use stays: 409.",
    "update_media": "This changes the alternative text and the caption.",
    "delete_media": "A file that a post shows stays: 409.",
    "get_rendition": "A rendition is never larger than the image.",
    "search_posts": "The best hits come first, unless `sort` names another order.",
    "suggest": "The texts continue the words of `q`.",
    "get_feed": "The newest posts with their content.",
    "get_sitemap": "The addresses of all public posts and pages.",
    "list_users": "For admins.",
    "get_user": "The owner and admins see the account. Others see the profile of an author.",
    "delete_user": "The account's personal data is erased. Its posts and comments stay.",
    "activate_user": "A suspended user can sign in again.",
    "change_password": "All your other sessions end.",
    "end_other_sessions": "Sessions of browsers at the admin site end too.",
    "create_token": "The response has an access token and a refresh token.",
    "refresh_token": "The response has two new tokens. A refresh token is valid once.",
    "log_out": "The access token and the refresh token of this login are no longer valid.",
    "request_password_reset": "The server sends a mail if the account exists. The response is the same if it does not.",
    "reset_password": "The token is the one of the mail. Every session and API key of the account ends.",
    "verify_email": "Send the token of the mail, or an address to get another mail.",
    "create_api_key": "Only this response has the `secret`.",
    "create_webhook": "Only this response has the `secret`.",
    "delete_webhook": "Its deliveries are deleted too.",
    "list_audit_events": "Each event names who did what to which object.",
}
