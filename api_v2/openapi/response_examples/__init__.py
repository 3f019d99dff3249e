"""Examples of responses, made of the objects of one small site. A test compares each with the API's response.

Random values and secrets are written so that nobody takes them for real ones.
"""

from typing import Any, Final

from api_v2.openapi.response_examples.objects import (
    ACCOUNT,
    ANSWER,
    AUDIT_EVENT,
    BASE,
    CHANGED,
    COASTS,
    COMMENT,
    DELIVERY,
    DRAFT,
    FIRST_REVISION_SUMMARY,
    HIT,
    INCLUDED,
    KEY,
    MEDIA,
    NEW_ACCOUNT,
    OF_A_REVISION,
    PATH,
    POST,
    POST_ID,
    PROFILE,
    PUBLISHED,
    REVISION_SUMMARY,
    SESSION,
    TAG,
    TOKENS,
    TRAVEL,
    TRAVEL_TAG,
    WEBHOOK,
)

type Json = dict[str, Any]


def list_of(*items: Any, limit: int | None = 20, **more: Any) -> Json:
    return {"data": list(items), "page": {"next": None, "previous": None, "has_more": False, "limit": limit}, **more}


# By the name of their schema; those of another state by a name of their own.
EXAMPLES: Final[dict[str, Json]] = {
    "Post": POST,
    "DraftPost": DRAFT,
    "ChangedPost": {
        **DRAFT,
        "updated_at": CHANGED,
        "title": "A letter from the coast, continued",
        "tags": [],
        "version": 2,
    },
    "UnpublishedPost": {
        **POST,
        "status": "draft",
        "published_at": None,
        "version": 4,
        "actions": DRAFT["actions"],
    },
    "ArchivedPost": {**POST, "status": "archived", "version": 4, "actions": ["update", "restore", "trash", "preview"]},
    "PreviewedPost": {**DRAFT, "actions": [], "links": {"self": PATH, "comments": f"{PATH}/comments"}},
    "PartialPost": {"id": POST_ID, "title": POST["title"], "published_at": PUBLISHED},
    "PostWithIncluded": {**POST, "comment_count": 2, "included": INCLUDED},
    "PostList": list_of(POST),
    "PostListWithIncluded": list_of({**POST, "comment_count": 2}, included=INCLUDED),
    "Preview": {
        "url": "https://cms.example.org/api/v2/previews/the-token-of-this-preview",
        "front_end_url": "https://www.example.org/preview?token=the-token-of-this-preview",
        "token": "the-token-of-this-preview",
        "expires_at": "2026-01-30T10:15:00.000000Z",
    },
    "Revision": {**REVISION_SUMMARY, **{name: POST[name] for name in OF_A_REVISION}},
    "DraftRevision": {
        **REVISION_SUMMARY,
        "number": 3,
        "is_draft": True,
        "reason": "restored from 1",
        "links": {"self": f"{PATH}/revisions/3", "post": PATH},
        **{name: DRAFT[name] for name in OF_A_REVISION},
    },
    "RevisionList": list_of(REVISION_SUMMARY, FIRST_REVISION_SUMMARY),
    "RevisionDiff": {
        "post": POST_ID,
        "from": 1,
        "to": 2,
        "changes": [
            {
                "field": "content",
                "before": DRAFT["content"],
                "after": POST["content"],
                "diff": "@@ -1 +1,3 @@\n The *ferry* was late.\n+\n+The sea was not.",
            }
        ],
    },
    "Comment": COMMENT,
    "ChangedComment": {
        **COMMENT,
        "updated_at": CHANGED,
        "text": "I was on that ferry too.",
        "edited_at": CHANGED,
    },
    "RejectedComment": {**COMMENT, "updated_at": CHANGED, "status": "rejected"},
    "SpamComment": {**COMMENT, "updated_at": CHANGED, "status": "spam"},
    "CommentList": list_of(COMMENT, ANSWER),
    "Tag": TAG,
    "CreatedTag": {**TAG, "post_count": 0},
    "ChangedTag": {**TAG, "updated_at": CHANGED, "description": ""},
    "TagList": list_of(TAG, TRAVEL_TAG),
    "Category": COASTS,
    "CreatedCategory": TRAVEL,
    "ChangedCategory": {**TRAVEL, "updated_at": CHANGED, "name": "Journeys"},
    "CategoryList": list_of(COASTS, TRAVEL),
    "CategoryTree": list_of({**TRAVEL, "children": [{**COASTS, "children": []}]}, limit=None),
    "Media": MEDIA,
    "ChangedMedia": {**MEDIA, "updated_at": CHANGED, "caption": ""},
    "MediaList": list_of(MEDIA),
    "SearchResults": list_of(
        HIT,
        facets={
            "tags": [{"slug": "ferries", "count": 1}, {"slug": "travel", "count": 1}],
            "categories": [{"slug": "coasts", "count": 1}],
        },
        truncated=False,
    ),
    "Suggestions": list_of("Ferries", limit=10),
    "Account": ACCOUNT,
    "CreatedAccount": NEW_ACCOUNT,
    "SuspendedAccount": {**ACCOUNT, "updated_at": CHANGED, "is_active": False},
    "User": PROFILE,
    "AccountList": list_of(ACCOUNT),
    "Session": SESSION,
    "SessionList": list_of(SESSION),
    "Tokens": TOKENS,
    "ApiKey": KEY,
    "ChangedApiKey": {**KEY, "updated_at": CHANGED, "name": "Reader of the new shop"},
    "IssuedApiKey": {**KEY, "secret": "tdm_shopshopshopshop_<what is shown this once>"},
    "ApiKeyList": list_of(KEY),
    "Webhook": WEBHOOK,
    "PausedWebhook": {**WEBHOOK, "updated_at": CHANGED, "is_active": False},
    "CreatedWebhook": {**WEBHOOK, "secret": "whsec_<what is shown this once>"},
    "WebhookList": list_of(WEBHOOK),
    "ReplayedDelivery": {**DELIVERY, "status": "pending", "attempts": 0, "last_status": None, "last_error": ""},
    "DeliveryList": list_of(DELIVERY),
    "AuditEventList": list_of(AUDIT_EVENT),
    "OpenApiDocument": {
        "openapi": "3.1.0",
        "info": {
            "title": "Tandem API",
            "version": "2.0.0",
            "description": "Resources are bare objects.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": BASE}],
        "tags": [{"name": "Posts"}],
        "paths": {},
        "components": {},
    },
}
# By operation, where its answers aren't shown by the example that has the name of their schema.
OTHERWISE: Final[dict[str, tuple[str, ...]]] = {
    "list_posts": ("PostList", "PostListWithIncluded"),
    "create_post": ("DraftPost",),
    "get_post": ("Post", "PostWithIncluded", "PartialPost"),
    "update_post": ("ChangedPost",),
    "unpublish_post": ("UnpublishedPost",),
    "archive_post": ("ArchivedPost",),
    "get_preview": ("PreviewedPost",),
    "restore_revision": ("DraftRevision",),
    "update_comment": ("ChangedComment",),
    "reject_comment": ("RejectedComment",),
    "mark_comment_as_spam": ("SpamComment",),
    "create_tag": ("CreatedTag",),
    "update_tag": ("ChangedTag",),
    "create_category": ("CreatedCategory",),
    "update_category": ("ChangedCategory",),
    "update_media": ("ChangedMedia",),
    "register": ("CreatedAccount",),
    "get_user": ("Account", "User"),
    "suspend_user": ("SuspendedAccount",),
    "update_api_key": ("ChangedApiKey",),
    "update_webhook": ("PausedWebhook",),
    "replay_delivery": ("ReplayedDelivery",),
}


def examples_of(operation_id: str, answer: Json) -> Json:
    """Return references to the examples of a response: one of `answer`, or of its first variant."""
    of_schema = answer.get("anyOf", [answer])[0]["$ref"].rpartition("/")[2]
    names = OTHERWISE.get(operation_id, (of_schema,))
    return {name: {"$ref": f"#/components/examples/{name}"} for name in names}
