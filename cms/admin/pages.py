"""All pages of the admin site: importing this registers them."""

from cms.admin import api_keys, comments, groups, media, posts, records, revisions, terms, users, webhooks

__all__ = ["api_keys", "comments", "groups", "media", "posts", "records", "revisions", "terms", "users", "webhooks"]
