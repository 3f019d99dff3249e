"""The one pipeline behind every format: each item in a transaction of its own, remembered so that it is written once.

Start an interrupted import again: an item with a record stays unchanged, the rest is written.
"""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any, Final

from django.db import OperationalError, transaction

from cms.errors import CmsError, Duplicate, InvalidInput
from cms.importers.cleaning import Notes, storable
from cms.importers.context import Context, existing_row
from cms.importers.items import UNKNOWN_AUTHOR, Change, Item, PostItem, Remark, Skipped, UserItem
from cms.importers.report import Outcome, Report
from cms.importers.seen import Seen
from cms.importers.sources import Source
from cms.importers.writers import comments, posts, terms, users
from cms.models import ImportRecord
from cms.policy import SYSTEM
from cms.services.imported import take_over_columns

type Create = Callable[[Context, Any, Notes], tuple[Any, bool]]
type Update = Callable[[Context, Any, Any, Notes], Any]

WRITERS: Final[dict[str, tuple[Create, Update]]] = {
    "user": (users.create, users.update),
    "tag": (terms.create_tag_from, terms.update_tag_from),
    "category": (terms.create_category_from, terms.update_category_from),
    "post": (posts.create, posts.update),
    "comment": (comments.create, comments.update),
}


def import_source(
    source: Source,
    *,
    report: Report,
    now: datetime.datetime,
    trusts_roles: bool = False,
    on_progress: Callable[[Source], None] | None = None,
    require: Callable[[], None] | None = None,
) -> None:
    """Import everything that `source` yields. A failing item is reported; the others don't suffer from it.

    `trusts_roles` is for exports of one's own sites: without it nobody becomes more than an author. `require` is called
    before each commit: an error of it ends the import, and nothing of that transaction is kept.
    """
    context = Context(source.name, now, trusts_roles, require)
    with Seen() as seen:
        for entry in source:
            if not isinstance(entry, Item):
                _record_remark(entry, report)
            elif seen.add(entry.noun, entry.external_id):
                _import_entry(context, entry, report)
            else:
                reason = "Another object with this id came before it."
                change = Change("id", entry.external_id, None, reason, entry.line)
                _record_remark(Skipped(source=entry.source, label=entry.label, change=change), report)
            if on_progress is not None:
                on_progress(source)


def _import_entry(context: Context, item: Item, report: Report) -> None:
    if item.is_met_at_post:
        context.waiting[item.noun, item.external_id] = item
    elif isinstance(item, PostItem):
        _provide_author(context, item)
        _import_post(context, item, report)
    else:
        with transaction.atomic():
            outcome, changes = _result_of(context, item)
            if outcome is not Outcome.FAILED:
                context.require_permission()
        _record_result(item, outcome, changes, report)


def _import_post(context: Context, post: PostItem, report: Report) -> None:
    """Write the post, and first what was met at it: all of it, or nothing that only a failed post would have needed."""
    met = [context.waiting[key] for key in dict.fromkeys(post.named()) if key in context.waiting]
    with transaction.atomic():
        results = [(item, *_result_of(context, item)) for item in (*met, post)]
        is_failed = results[-1][1] is Outcome.FAILED
        if is_failed:
            transaction.set_rollback(True)
        else:
            context.require_permission()
    if is_failed:
        context.forget(met)
        results = results[-1:]
    for item, outcome, changes in results:
        context.waiting.pop((item.noun, item.external_id), None)
        _record_result(item, outcome, changes, report)


def _record_remark(remark: Remark, report: Report) -> None:
    report.add(source=remark.source, line=remark.change.line or 1, label=remark.label, change=remark.change)
    if isinstance(remark, Skipped):
        report.count(Outcome.SKIPPED)


def _provide_author(context: Context, item: PostItem) -> None:
    """Give a post of an unknown author the one user who stands for all such authors of its source."""
    is_met = ("user", item.author) in context.waiting
    is_known = is_met or (item.author != UNKNOWN_AUTHOR and context.find("user", item.author) is not None)
    if not is_known and not context.is_kept("user", UNKNOWN_AUTHOR):
        context.waiting["user", UNKNOWN_AUTHOR] = UserItem(
            source=item.source, line=item.line, external_id=UNKNOWN_AUTHOR, username="imported", display_name="Imported"
        )


def _result_of(context: Context, item: Item) -> tuple[Outcome, list[Change]]:
    try:
        try:
            return _write(context, item)
        except Duplicate:  # another import has made it meanwhile, and now it is found
            return _write(context, item)
    except OperationalError:  # The database is gone or locked: every other item would fail as well.
        raise
    except Exception as error:
        return Outcome.FAILED, [_failure(error)]


def _record_result(item: Item, outcome: Outcome, changes: list[Change], report: Report) -> None:
    report.count(outcome)
    for change in (*item.changes, *changes):
        report.add(source=item.source, line=item.line_of(change), label=item.label, change=change)


def _write(context: Context, item: Item) -> tuple[Outcome, list[Change]]:
    """Write the item; return its outcome, and the changes that the writers made, now or when they first wrote it."""
    record = context.record_of(item.noun, item.external_id)
    row: Any = existing_row(item.noun, record.object_id) if record else None
    digest = item.digest()
    # A row that was here before the import is the site's own: the source never changes it.
    if record is not None and row is not None and (record.digest == digest or record.original.get("is_adopted")):
        context.remember(item, row)
        return Outcome.UNCHANGED, [Change(**change) for change in record.original.get("changes", ())]
    create, update = WRITERS[item.noun]
    notes = Notes(is_exact=item.is_exact)
    with transaction.atomic():
        if row is None and (row := _own_row(item, notes)) is not None:
            outcome = Outcome.UNCHANGED
        elif row is None:
            row, is_new = create(context, item, notes)
            outcome = Outcome.CREATED if is_new else Outcome.UNCHANGED
            if is_new and (columns := item.own_columns()):
                take_over_columns(actor=SYSTEM, row=row, columns=columns)
        else:
            row, outcome = update(context, row, item, notes), Outcome.UPDATED
        record = record or ImportRecord(
            source=context.source, object_type=item.noun, external_id=item.external_id, created_at=context.now
        )
        record.object_id, record.digest, record.updated_at = row.pk, digest, context.now
        record.original = _originals(notes, is_adopted=outcome is Outcome.UNCHANGED)
        record.save()
    context.remember(item, row)
    return outcome, notes


def _own_row(item: Item, notes: Notes) -> Any:
    """Return the row that an item of this project's own export was made of, when it comes back to its site."""
    row = existing_row(item.noun, item.id) if item.id else None
    if row is not None:
        notes.note("id", str(item.id), str(item.id), "An object with this id is here already and was left as it is.")
    return row


def _originals(notes: Notes, *, is_adopted: bool) -> dict[str, Any]:
    """Return the content of a record, by which the next import can report the same again."""
    changes = [{name: _as_json(value) for name, value in dataclasses.asdict(note).items()} for note in notes]
    return {"changes": changes, "is_adopted": is_adopted}


def _as_json(value: Any) -> Any:
    """Return a value as a JSON column can hold it: without NUL and lone surrogates."""
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value if isinstance(value, int | float | None) else storable(str(value))


def _failure(error: Exception) -> Change:
    if isinstance(error, InvalidInput):
        return Change(error.errors[0].field, None, None, f"Not imported: {error.errors[0].message}")
    if isinstance(error, CmsError):
        return Change("", None, None, f"Not imported: {error.message}")
    return Change("", None, None, f"Not imported: {type(error).__name__}: {error}")
