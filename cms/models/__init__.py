"""The domain's tables, one noun a module."""

from cms.models.api_keys import ApiKey
from cms.models.audit import AuditEvent
from cms.models.categories import Category
from cms.models.comments import Comment
from cms.models.editing import Editing
from cms.models.erasures import Erasure
from cms.models.imports import ImportRecord
from cms.models.invitations import Invitation
from cms.models.jobs import Chore, Job
from cms.models.linked_identities import LinkedIdentity
from cms.models.media import MediaFile, Rendition
from cms.models.posts import Post, PostRevision
from cms.models.redirects import Redirect
from cms.models.search_documents import SearchDocument
from cms.models.second_factors import AuthenticatorApp, Passkey, RecoveryCode
from cms.models.sessions import AuthSession, BrowserSession
from cms.models.stored_answers import StoredAnswer
from cms.models.tags import Tag
from cms.models.transfers import Transfer
from cms.models.users import User
from cms.models.webhooks import Delivery, Webhook

__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuthSession",
    "AuthenticatorApp",
    "BrowserSession",
    "Category",
    "Chore",
    "Comment",
    "Delivery",
    "Editing",
    "Erasure",
    "ImportRecord",
    "Invitation",
    "Job",
    "LinkedIdentity",
    "MediaFile",
    "Passkey",
    "Post",
    "PostRevision",
    "RecoveryCode",
    "Redirect",
    "Rendition",
    "SearchDocument",
    "StoredAnswer",
    "Tag",
    "Transfer",
    "User",
    "Webhook",
]
