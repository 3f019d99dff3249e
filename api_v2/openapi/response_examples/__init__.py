"""Examples of responses, made of the objects of one small site. A test compares each with the API's response.

Random values and secrets are written so that nobody takes them for real ones.
"""

from typing import Any, Final

from api_v2.openapi.response_examples import objects as site

type Json = dict[str, Any]


def list_of(*items: Any, limit: int | None = 20, **more: Any) -> Json:
    return {"data": list(items), "page": {"next": None, "previous": None, "has_more": False, "limit": limit}, **more}


# By the name of their schema; those of another state by a name of their own.
EXAMPLES: Final[dict[str, Json]] = {
    "Post": site.POST,
    "DraftPost": site.DRAFT,
    "ChangedPost": {
        **site.DRAFT,
        "updated_at": site.CHANGED,
        "title": "A letter from the coast, continued",
        "tags": [],
        "version": 2,
    },
    "UnpublishedPost": {
        **site.POST,
        "status": "draft",
        "published_at": None,
        "version": 4,
        "actions": site.DRAFT["actions"],
    },
    "ArchivedPost": {
        **site.POST,
        "status": "archived",
        "version": 4,
        "actions": ["update", "restore", "trash", "preview"],
    },
    "PreviewedPost": {**site.DRAFT, "actions": [], "links": {"self": site.PATH, "comments": f"{site.PATH}/comments"}},
    "PartialPost": {"id": site.POST_ID, "title": site.POST["title"], "published_at": site.PUBLISHED},
    "PostWithIncluded": {**site.POST, "comment_count": 2, "included": site.INCLUDED},
    "PostList": list_of(site.POST),
    "PostListWithIncluded": list_of({**site.POST, "comment_count": 2}, included=site.INCLUDED),
    "Preview": {
        "url": "https://cms.example.org/api/v2/previews/the-token-of-this-preview",
        "front_end_url": "https://www.example.org/preview?token=the-token-of-this-preview",
        "token": "the-token-of-this-preview",
        "expires_at": "2026-01-30T10:15:00.000000Z",
    },
    "Revision": {**site.REVISION_SUMMARY, **{name: site.POST[name] for name in site.OF_A_REVISION}},
    "DraftRevision": {
        **site.REVISION_SUMMARY,
        "number": 3,
        "is_draft": True,
        "reason": "restored from 1",
        "links": {"self": f"{site.PATH}/revisions/3", "post": site.PATH},
        **{name: site.DRAFT[name] for name in site.OF_A_REVISION},
    },
    "RevisionList": list_of(site.REVISION_SUMMARY, site.FIRST_REVISION_SUMMARY),
    "RevisionDiff": {
        "post": site.POST_ID,
        "from": 1,
        "to": 2,
        "changes": [
            {
                "field": "content",
                "before": site.DRAFT["content"],
                "after": site.POST["content"],
                "diff": "@@ -1 +1,3 @@\n The *ferry* was late.\n+\n+The sea was not.",
            }
        ],
    },
    "Comment": site.COMMENT,
    "ChangedComment": {
        **site.COMMENT,
        "updated_at": site.CHANGED,
        "text": "I was on that ferry too.",
        "edited_at": site.CHANGED,
    },
    "RejectedComment": {**site.COMMENT, "updated_at": site.CHANGED, "status": "rejected"},
    "SpamComment": {**site.COMMENT, "updated_at": site.CHANGED, "status": "spam"},
    "CommentList": list_of(site.COMMENT, site.ANSWER),
    "Tag": site.TAG,
    "CreatedTag": {**site.TAG, "post_count": 0},
    "ChangedTag": {**site.TAG, "updated_at": site.CHANGED, "description": ""},
    "TagList": list_of(site.TAG, site.TRAVEL_TAG),
    "Category": site.COASTS,
    "CreatedCategory": site.TRAVEL,
    "ChangedCategory": {**site.TRAVEL, "updated_at": site.CHANGED, "name": "Journeys"},
    "CategoryList": list_of(site.COASTS, site.TRAVEL),
    "CategoryTree": list_of({**site.TRAVEL, "children": [{**site.COASTS, "children": []}]}, limit=None),
    "Media": site.MEDIA,
    "ChangedMedia": {**site.MEDIA, "updated_at": site.CHANGED, "caption": ""},
    "MediaList": list_of(site.MEDIA),
    "SearchResults": list_of(
        site.HIT,
        facets={
            "tags": [{"slug": "ferries", "count": 1}, {"slug": "travel", "count": 1}],
            "categories": [{"slug": "coasts", "count": 1}],
        },
        truncated=False,
    ),
    "Suggestions": list_of("Ferries", limit=10),
    "Account": site.ACCOUNT,
    "CreatedAccount": site.NEW_ACCOUNT,
    "SuspendedAccount": {**site.ACCOUNT, "updated_at": site.CHANGED, "is_active": False},
    "User": site.PROFILE,
    "AccountList": list_of(site.ACCOUNT),
    "Session": site.SESSION,
    "SessionList": list_of(site.SESSION),
    "Tokens": site.TOKENS,
    "ApiKey": site.KEY,
    "ChangedApiKey": {**site.KEY, "updated_at": site.CHANGED, "name": "Reader of the new shop"},
    "IssuedApiKey": {**site.KEY, "secret": "tdm_shopshopshopshop_<what is shown this once>"},
    "ApiKeyList": list_of(site.KEY),
    "Webhook": site.WEBHOOK,
    "PausedWebhook": {**site.WEBHOOK, "updated_at": site.CHANGED, "is_active": False},
    "CreatedWebhook": {**site.WEBHOOK, "secret": "whsec_<what is shown this once>"},
    "WebhookList": list_of(site.WEBHOOK),
    "ReplayedDelivery": {**site.DELIVERY, "status": "pending", "attempts": 0, "last_status": None, "last_error": ""},
    "DeliveryList": list_of(site.DELIVERY),
    "AuditEventList": list_of(site.AUDIT_EVENT),
    "OpenApiDocument": {
        "openapi": "3.1.0",
        "info": {
            "title": "Tandem API",
            "version": "2.0.0",
            "description": "Resources are bare objects.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": site.BASE}],
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
