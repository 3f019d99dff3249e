"""All pages of the admin site: importing this registers them."""

from django.contrib import admin
from django.contrib.auth.models import Group

from cms.admin import api_keys, comments, media, posts, records, revisions, terms, users, webhooks

admin.site.unregister(Group)  # its own page would change what people may do without a word in the audit trail

__all__ = ["api_keys", "comments", "media", "posts", "records", "revisions", "terms", "users", "webhooks"]
