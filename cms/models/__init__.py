"""The domain's tables, one noun a module."""

from cms.models.audit import AuditEvent
from cms.models.categories import Category
from cms.models.comments import Comment
from cms.models.imports import ImportRecord
from cms.models.posts import Post, PostRevision
from cms.models.redirects import Redirect
from cms.models.sessions import AuthSession
from cms.models.tags import Tag
from cms.models.users import User

__all__ = [
    "AuditEvent",
    "AuthSession",
    "Category",
    "Comment",
    "ImportRecord",
    "Post",
    "PostRevision",
    "Redirect",
    "Tag",
    "User",
]
