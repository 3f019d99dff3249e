"""Checks of tags and categories: stored counts, the tree, names and slugs."""

import datetime
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import batched

from django.db import transaction
from django.db.models import Count, F, Q

from cms import limits
from cms.integrity.findings import Check, Finding, found, one_by_one
from cms.integrity.mending import recount_post, recount_terms
from cms.models import Category, Post, Tag
from cms.policy import SYSTEM
from cms.querysets.walking import walk_by_key
from cms.services.audit import record_event
from cms.services.counts import lock_terms
from cms.services.tags import fold_tag_name

BATCH = 200
SETTLING_S = 60  # how far the scheduler may be behind what time has done
Term = type[Tag] | type[Category]


def find_flags(now: datetime.datetime) -> Iterator[Finding]:
    """Find wrong flags, except within the scheduler's minute, and on posts changed after `now`."""
    public = Post.objects.public(now).posts()
    recent = now - datetime.timedelta(seconds=SETTLING_S)
    settled = (
        Post.objects.exclude(settles_at__gt=recent, settles_at__lte=now).filter(updated_at__lte=now).order_by("pk")
    )
    missing = settled.filter(is_counted=False, pk__in=public.values("pk"))
    yield from found("post", missing.values_list("pk", flat=True), "is public and not counted")
    extra = settled.filter(is_counted=True).exclude(pk__in=public.values("pk"))
    yield from found("post", extra.values_list("pk", flat=True), "is counted and not public")


def mend_flag(finding: Finding, now: datetime.datetime) -> bool:
    post = Post.objects.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if post is None:
        return False
    recount_post(post, now)
    return True


def _wrong_counts(model: Term, field: str) -> Iterator[Finding]:
    rows = model._default_manager.annotate(counted=Count("posts", filter=Q(posts__is_counted=True)))
    wrong = rows.exclude(**{field: F("counted")}).values_list("pk", field, "counted")
    for pk, stored, counted in walk_by_key(wrong):
        yield Finding(str(model._meta.model_name), pk, f"has a count of {stored} posts, but {counted} carry it")


def find_tag_counts(now: datetime.datetime) -> Iterator[Finding]:
    return _wrong_counts(Tag, "usage_count")


def find_category_counts(now: datetime.datetime) -> Iterator[Finding]:
    return _wrong_counts(Category, "post_count")


def mend_tag_counts(findings: Sequence[Finding], now: datetime.datetime) -> int:
    return sum(_mend_counts(Tag, "usage_count", batch) for batch in batched(findings, BATCH))


def mend_category_counts(findings: Sequence[Finding], now: datetime.datetime) -> int:
    return sum(_mend_counts(Category, "post_count", batch) for batch in batched(findings, BATCH))


def _mend_counts(model: Term, field: str, findings: Sequence[Finding]) -> int:
    ids = [finding.object_id for finding in findings]
    with transaction.atomic():
        lock_terms(*((ids, ()) if model is Tag else ((), ids)))
        return recount_terms(model, field, ids)


def _cycles(parents: Mapping[uuid.UUID, uuid.UUID | None]) -> list[list[uuid.UUID]]:
    """Return each cycle once, its members in the order of ids."""
    done: set[uuid.UUID] = set()
    cycles = []
    for start in parents:
        path: list[uuid.UUID] = []
        above: uuid.UUID | None = start
        while above is not None and above in parents and above not in done:
            done.add(above)
            path.append(above)
            above = parents[above]
        if above in path:
            cycles.append(sorted(path[path.index(above) :]))
    return cycles


def find_cycles(now: datetime.datetime) -> Iterator[Finding]:
    for cycle in _cycles(dict(Category.objects.order_by("pk").values_list("pk", "parent_id"))):
        yield Finding("category", cycle[0], f"stands below itself, in a cycle of {len(cycle)}")


def cut_cycles(findings: Sequence[Finding], now: datetime.datetime) -> int:
    """Move one category of each cycle to the top: the oldest whose name is free there."""
    with transaction.atomic():
        rows = Category.objects.select_for_update(no_key=True).order_by("pk")  # the whole tree, as every move locks it
        parents = dict(rows.values_list("pk", "parent_id"))
        return sum(_cut(cycle, now) for cycle in _cycles(parents))


def _cut(cycle: list[uuid.UUID], now: datetime.datetime) -> bool:
    roots = Category.objects.filter(parent=None).values("name")
    category = Category.objects.filter(pk__in=cycle).exclude(name__in=roots).order_by("pk").first()
    if category is None:
        return False
    before = {"parent": str(category.parent_id)}
    category.parent, category.updated_at = None, now
    category.save(update_fields=["parent", "updated_at"])
    record_event(
        SYSTEM, "category.updated", category, before=before, after={"parent": None, "repaired": "category_cycles"}
    )
    return True


def find_tag_keys(now: datetime.datetime) -> Iterator[Finding]:
    for pk, name, key in walk_by_key(Tag.objects.values_list("pk", "name", "name_key")):
        if key != fold_tag_name(name):
            yield Finding("tag", pk, "has a key that does not match its name")


def mend_tag_key(finding: Finding, now: datetime.datetime) -> bool:
    """Mend the key, but not where another tag has it: only a person knows which of the two should go."""
    tag = Tag.objects.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if tag is None:
        return False
    tag.name_key = fold_tag_name(tag.name)[: limits.TAG_NAME_KEY_MAX]
    tag.save(update_fields=["name_key"])
    return True


CHECKS = (
    Check("category_cycles", "No category stands below itself.", find_cycles, cut_cycles),
    Check("tag_keys", "Every tag has the key of its name.", find_tag_keys, one_by_one(mend_tag_key)),
)
# After all others: what these mend may change what is public.
COUNT_CHECKS = (
    Check("count_flags", "A post is counted while it is public.", find_flags, one_by_one(mend_flag)),
    Check("tag_counts", "A tag's count is that of its public posts.", find_tag_counts, mend_tag_counts),
    Check(
        "category_counts", "A category's count is that of its public posts.", find_category_counts, mend_category_counts
    ),
)
