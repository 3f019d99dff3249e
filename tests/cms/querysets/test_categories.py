"""Who sees an inactive category."""

from typing import Any

from django.contrib.auth.models import AnonymousUser

from cms.models import Category, User
from cms.policy import SYSTEM
from cms.services.categories import create_category, update_category


def test_an_inactive_category_is_seen_by_editors_only(make_user: Any, editor: User, now: Any) -> None:
    category = create_category(actor=SYSTEM, fields={"name": "A"}, now=now)
    update_category(actor=SYSTEM, category=category, changes={"is_active": False}, now=now)
    assert list(Category.objects.visible_to(editor)) == [category]
    for user in (AnonymousUser(), make_user("author")):
        assert not Category.objects.visible_to(user).exists()
