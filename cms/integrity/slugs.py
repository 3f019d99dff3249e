"""The check of slugs: what stands in addresses has the form that addresses need."""

import datetime
from collections.abc import Iterator
from typing import Any

from django.db import models

from cms import limits
from cms.integrity.findings import Check, Finding, one_by_one
from cms.integrity.mending import mend_post
from cms.models import Category, Post, Redirect, Tag
from cms.policy import SYSTEM
from cms.querysets.walking import walk_by_key
from cms.services.audit import record_event
from cms.services.slugs import free_number, is_slug_taken
from cms.text.slugs import numbered, slug_problem, slugify

MODELS: dict[str, type[models.Model]] = {"post": Post, "tag": Tag, "category": Category}


def find_slugs(now: datetime.datetime) -> Iterator[Finding]:
    for name, model in MODELS.items():
        for pk, slug in walk_by_key(model._default_manager.values_list("pk", "slug")):
            if _is_wrong(model, slug):
                yield Finding(name, pk, f"has the invalid slug {slug!r}")


def mend_slug(finding: Finding, now: datetime.datetime) -> bool:
    """Give a slug of the title or name, as if it had been made today; a post's old address leads to it."""
    if finding.object_type == "post":
        return mend_post(finding.object_id, "invalid_slugs", now, lambda post: _move(post, now))
    model = MODELS[finding.object_type]
    row: Any = model._default_manager.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if row is None or not _is_wrong(model, row.slug):
        return False
    before = {"slug": row.slug}
    row.slug, row.updated_at = _free_slug(row, row.name, fallback=finding.object_type), now
    row.save(update_fields=["slug", "updated_at"])
    after = {"slug": row.slug, "repaired": "invalid_slugs"}
    record_event(SYSTEM, f"{finding.object_type}.updated", row, before=before, after=after)
    return True


def _is_wrong(model: type[models.Model], slug: str) -> bool:
    return bool(slug_problem(slug)) or (model is Category and slug in limits.RESERVED_CATEGORY_SLUGS)


def _move(post: Post, now: datetime.datetime) -> None:
    if not slug_problem(post.slug):
        return
    old_path = f"/posts/{post.slug}"
    post.slug = _free_slug(post, post.title, fallback=post.kind)
    if len(old_path) <= limits.OLD_PATH_MAX:
        Redirect.objects.get_or_create(old_path=old_path, defaults={"post": post, "created_at": now, "updated_at": now})


def _free_slug(row: Any, text: str, fallback: str) -> str:
    wanted = slugify(text, fallback=fallback)
    if wanted in limits.RESERVED_CATEGORY_SLUGS and isinstance(row, Category):
        wanted = f"{fallback}-{wanted}"
    if _is_taken(row, wanted):
        wanted = numbered(wanted, free_number(lambda number: _is_taken(row, numbered(wanted, number))))
    return wanted


def _is_taken(row: Any, slug: str) -> bool:
    row.slug = slug
    return is_slug_taken(row)


CHECKS = (Check("invalid_slugs", "Every slug can stand in an address.", find_slugs, one_by_one(mend_slug)),)
