"""All pages of the admin site: importing this registers them, which `cms/urls.py` does."""

from cms.admin import (
    api_keys,
    comments,
    groups,
    invitations,
    media,
    posts,
    records,
    revisions,
    terms,
    users,
    webhooks,
)

__all__ = [
    "api_keys",
    "comments",
    "groups",
    "invitations",
    "media",
    "posts",
    "records",
    "revisions",
    "terms",
    "users",
    "webhooks",
]
