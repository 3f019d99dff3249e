"""All pages of the admin site: importing this registers them, which `cms/urls.py` does."""

from cms.admin import (
    api_keys,
    audit,
    comments,
    groups,
    invitations,
    media,
    posts,
    records,
    redirects,
    revisions,
    terms,
    transfers,
    users,
    webhooks,
)

__all__ = [
    "api_keys",
    "audit",
    "comments",
    "groups",
    "invitations",
    "media",
    "posts",
    "records",
    "redirects",
    "revisions",
    "terms",
    "transfers",
    "users",
    "webhooks",
]
