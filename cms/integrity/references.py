"""References to rows that don't exist: possible where SQLite ran without foreign keys, or a constraint was dropped."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import Exists, OuterRef

from cms.integrity.findings import Check, Finding
from cms.integrity.mending import mend_post
from cms.models import Comment, Post
from cms.querysets.walking import walk_by_key

DELETED_AUTHOR = "deleted user"


def _foreign_keys(*, of_links: bool) -> Iterator[tuple[type[models.Model], Any]]:
    """Yield foreign keys of the domain: those of Django's tables for many-to-many fields, or all others."""
    for model in apps.get_app_config("cms").get_models(include_auto_created=True):
        if bool(model._meta.auto_created) == of_links:
            for field in model._meta.concrete_fields:
                # A comment without its parent is the business of the threads' check.
                if field.is_relation and (model, field.name) != (Comment, "parent"):
                    yield model, field


def _dangling(model: type[models.Model], field: Any) -> models.QuerySet[Any]:
    target = field.related_model._base_manager.filter(pk=OuterRef(field.attname))
    return model._base_manager.filter(**{f"{field.attname}__isnull": False}).filter(~Exists(target))


def _find(now: datetime.datetime, *, of_links: bool) -> Iterator[Finding]:
    for model, field in _foreign_keys(of_links=of_links):
        name, target = str(model._meta.model_name), field.related_model._meta.model_name
        for pk, missing in walk_by_key(_dangling(model, field).values_list("pk", field.attname)):
            yield Finding(name, pk, f"refers to {target} {missing}, which does not exist", field.name)


def find_dangling_references(now: datetime.datetime) -> Iterator[Finding]:
    return _find(now, of_links=False)


def find_dangling_links(now: datetime.datetime) -> Iterator[Finding]:
    return _find(now, of_links=True)


def unlink(findings: Sequence[Finding], now: datetime.datetime) -> int:
    """Delete the links."""
    mended = 0
    for (model_name, field_name), ids in _by_field(findings).items():
        model = apps.get_model("cms", model_name)
        with transaction.atomic():
            rows = _dangling(model, model._meta.get_field(field_name)).filter(pk__in=ids)
            mended += rows.delete()[0]
    return mended


def mend_references(findings: Sequence[Finding], now: datetime.datetime) -> int:
    """Empty a reference that may be empty, delete a row that can't be without its owner; leave all others."""
    mended = 0
    for (model_name, field_name), ids in _by_field(findings).items():
        model = apps.get_model("cms", model_name)
        field: Any = model._meta.get_field(field_name)
        with transaction.atomic():
            mended += _mend(
                model, field, list(_dangling(model, field).filter(pk__in=ids).values_list("pk", flat=True)), now
            )
    return mended


def _mend(model: type[models.Model], field: Any, ids: list[Any], now: datetime.datetime) -> int:
    rows = model._base_manager.filter(pk__in=ids)
    if field.null and model is Post:
        return sum(
            mend_post(pk, "dangling_references", now, lambda post: setattr(post, field.attname, None)) for pk in ids
        )
    if field.null:
        if model is Comment:
            rows.filter(author_name="").update(author_name=DELETED_AUTHOR)
        return rows.update(**{field.name: None})
    if field.remote_field.on_delete is not models.CASCADE:
        return 0
    if model is Comment:
        # Their own parents are PROTECTed, and answers of other posts' comments must not go with them.
        Comment.objects.filter(models.Q(pk__in=ids) | models.Q(parent__in=ids)).update(parent=None, depth=0)
    rows.delete()
    return len(ids)


def _by_field(findings: Sequence[Finding]) -> dict[tuple[str, str], list[Any]]:
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for finding in findings:
        groups[finding.object_type, finding.field].append(finding.object_id)
    return groups


CHECKS = (
    Check("dangling_references", "Every reference leads to a row.", find_dangling_references, mend_references),
    Check("dangling_links", "Every link between two rows has both of them.", find_dangling_links, unlink),
)
