"""Checks of the records of the past: revisions and import records."""

import datetime
from collections.abc import Iterator

from django.apps import apps
from django.db.models import Exists, OuterRef

from cms.integrity.findings import Check, Finding, found, one_by_one
from cms.models import AuditEvent, ImportRecord, Post, PostRevision
from cms.policy import SYSTEM
from cms.services.revisions import write_revision


def find_missing(now: datetime.datetime) -> Iterator[Finding]:
    """Find posts whose creation was recorded and that have no revision: bulk posts are load, and have no history."""
    revisions = PostRevision.objects.filter(post_id=OuterRef("pk"))
    created = AuditEvent.objects.filter(object_type="post", object_id=OuterRef("pk"), action="post.created")
    ids = Post.objects.filter(~Exists(revisions), Exists(created)).order_by("pk").values_list("pk", flat=True)
    return found("post", ids, "has no revision")


def write_missing(finding: Finding, now: datetime.datetime) -> bool:
    post = Post.objects.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if post is None or post.revisions.exists():
        return False
    write_revision(SYSTEM, post, "repaired: revisions_missing", now)
    return True


def find_lost_imports(now: datetime.datetime) -> Iterator[Finding]:
    """Find records of objects that are gone, though nobody has deleted them."""
    deleted = AuditEvent.objects.filter(
        object_type=OuterRef("object_type"), object_id=OuterRef("object_id"), action__endswith=".deleted"
    )
    models = {model._meta.model_name: model for model in apps.get_app_config("cms").get_models()}
    for name in ImportRecord.objects.order_by().values_list("object_type", flat=True).distinct():
        if name in models:
            objects = models[name]._base_manager.filter(pk=OuterRef("object_id"))
            rows = ImportRecord.objects.filter(~Exists(objects), ~Exists(deleted), object_type=name)
            yield from found(
                "importrecord", rows.order_by("pk").values_list("pk", flat=True), f"refers to a lost {name}"
            )


def drop_record(finding: Finding, now: datetime.datetime) -> bool:
    """Delete the record: the next import makes the object again."""
    return bool(ImportRecord.objects.filter(pk=finding.object_id).delete()[0])


CHECKS = (
    Check("revisions_missing", "Every post has a revision.", find_missing, one_by_one(write_missing)),
    Check(
        "import_records",
        "Every object that an import made exists or was deleted.",
        find_lost_imports,
        one_by_one(drop_record),
    ),
)
