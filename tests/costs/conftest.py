"""Something of each kind, for the paths of both versions to name."""

import datetime
from typing import Any

import pytest

from cms.choices import Scope
from cms.ids import uuid7_at
from cms.models import MediaFile, User
from cms.services.api_keys import create_api_key
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.tags import create_tag
from cms.services.webhooks import create_webhook

A_FILE = {"file": "a.txt", "original_name": "a.txt", "mime_type": "text/plain", "size_bytes": 1, "sha256": "0" * 64}


@pytest.fixture
def ids(admin: User, make_post: Any, now: datetime.datetime) -> dict[str, Any]:
    """What the parameters of paths stand for, by the first part of the path or by name."""
    post = make_post()
    comment = create_comment(actor=admin, post=post, fields={"text": "A"}, now=now)
    webhook = create_webhook(actor=admin, fields={"url": "https://example.com/", "events": ["*"]}, now=now)
    key = create_api_key(actor=admin, owner=admin, fields={"name": "A", "scopes": [Scope.POSTS_READ]}, now=now)
    return {
        "posts": post.pk,
        "tags": create_tag(actor=admin, fields={"name": "A"}, now=now).pk,
        "categories": create_category(actor=admin, fields={"name": "A"}, now=now).pk,
        "media_id": MediaFile.objects.create(**A_FILE, uploaded_by=admin, created_at=now, updated_at=now).pk,
        "delivery_id": uuid7_at(now),
        "number": 1,
        "comment_id": comment.pk,
        "user_id": admin.pk,
        "webhook_id": webhook.pk,
        "key_id": key.api_key.pk,
        "session_id": uuid7_at(now),
        "token": "a",
        "spec": "width-320",
    }
