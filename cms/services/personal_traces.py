"""Erasing a person from the records around the account: rows that record what happened stay, without who it was.

Some records grow for ever. They are walked in batches by their key, so that erasing can stop and go on anywhere.
"""

import datetime
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import BinaryField, F, Func, IntegerField, JSONField, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Lower, Upper

from cms.choices import TransferKind
from cms.models import (
    ApiKey,
    AuditEvent,
    BrowserSession,
    Comment,
    ImportRecord,
    Invitation,
    Job,
    StoredAnswer,
    Transfer,
    User,
)
from cms.querysets.erasures import AGAIN
from cms.services.locks import unlocked
from cms.services.mails import QUEUE

DISPLAY_NAME: Final = "deleted user"
ERASED: Final = "erased"
PERSONAL: Final = frozenset(
    {
        *("username", "email", "first_name", "last_name", "display_name", "bio", "contact_email", "name"),
        *("pending_email", "time_zone", "language", "picture", "original_name"),
    }
)
"""The personal data that the audit trail may hold, by the names that services give it."""
NAMING_MEMBERS: Final = (b'"username":', b'"author_name":')
"""Members of v2's answers that are a person's, for answers of earlier releases, which have no `person`."""
BATCH: Final = 1_000
ANSWERS_A_BATCH: Final = 10
"""Answers of earlier releases, whose bodies are read: each has up to six megabytes."""
KEY_COST: Final = 20
"""An API key costs as much as so many events: it takes statements of its own."""
_LONG_AGO: Final = datetime.datetime(1, 1, 2, tzinfo=datetime.UTC)


class Place(NamedTuple):
    """Where erasing goes on: the step, the API key that it has come to, and the last row that it has looked at."""

    step: str
    subject: uuid.UUID | None = None
    after: uuid.UUID | None = None


class _Position(Func):
    """The place of some bytes in others, 0 where they are not."""

    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template, joiner = "position(%(expressions)s)", " IN "
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        needle, haystack = self.source_expressions
        turned = self.copy()
        turned.set_source_expressions([haystack, needle])
        return turned.as_sql(compiler, connection, function="instr", **context)


class _WithoutPerson(Func):
    """A JSON object with ERASED in each member of PERSONAL that has a value."""

    output_field = JSONField()
    _names = ", ".join(f"'{name}'" for name in sorted(PERSONAL))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"""(
            SELECT jsonb_object_agg(member.key, CASE
                WHEN member.key IN ({self._names})
                    AND member.value::text NOT IN ('""', 'null', 'false', '0', '0.0', '[]', '{{}}')
                THEN '"{ERASED}"'::jsonb ELSE member.value END)
            FROM jsonb_each(%(expressions)s) AS member
        )"""  # noqa: S608 - constants alone
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"""(
            SELECT json_group_object(member.key, json(CASE
                WHEN member.key IN ({self._names})
                    AND member.type NOT IN ('null', 'false') AND (member.type, member.value) NOT IN
                        (VALUES ('text', ''), ('integer', 0), ('real', 0.0), ('array', '[]'), ('object', '{{}}'))
                THEN '"{ERASED}"'
                WHEN member.type IN ('null', 'false', 'true') THEN member.type
                WHEN member.type IN ('array', 'object') THEN member.value ELSE json_quote(member.value) END))
            FROM json_each(%(expressions)s) AS member
        )"""  # noqa: S608 - constants alone
        return self.as_sql(compiler, connection, template=template, **context)


def erase_traces(person: uuid.UUID) -> None:
    """Erase what few rows hold of the person; call it in the transaction that deletes the account."""
    names = [str(person)]
    _delete_mails(Q(args__0__in=names) | Q(args__1__in=names), names)
    _forget_invitations(Invitation.objects.filter(accepted_by=person))
    StoredAnswer.objects.filter(person=person).delete()
    BrowserSession.objects.filter(user=person).delete()  # they hold the browser's address
    if ImportRecord.objects.filter(object_type="user", object_id=person).update(original={}):
        _forget_reports()


def erase_addresses(emails: Collection[str]) -> None:
    """Erase what is kept under these addresses alone: invitations to them, and who guests are whose comments have them.

    Call it with `lock_the_invitations` taken.
    """
    _forget_invitations(Invitation.objects.to(*emails))
    in_capitals = [email.upper() for email in emails]
    guests = Comment.objects.alias(_email=Upper("author_email")).filter(author=None, _email__in=in_capitals)
    forget_around(guests)
    guests.update(author_name=DISPLAY_NAME, author_email="")


def forget_guest(comment: Comment) -> None:
    """Erase who a guest is from a comment that is about to be saved, and from what is kept around it."""
    if comment.author_id is None:
        comment.author_name, comment.author_email = DISPLAY_NAME, ""
        forget_around(Comment.objects.filter(pk=comment.pk))


def forget_around(comments: QuerySet[Comment]) -> None:
    """Erase what is kept around comments of guests: addresses of clients, and stored responses with their names."""
    guests = comments.filter(author=None).order_by()
    own = AuditEvent.objects.filter(object_type="comment", object_id__in=guests.values("pk"), actor=None)
    own.filter(ip__isnull=False).update(ip=None)
    StoredAnswer.objects.filter(person__in=guests.values("pk")).delete()


def erase_some(person: uuid.UUID, place: Place, *, most: int) -> Place | None:
    """Erase about `most` rows of the records that grow for ever; return where to go on, None at the end.

    May be repeated from any earlier place. The first time ends at SECOND_TIME, and only who starts there goes on.
    """
    left, going_on = most, place
    while left > 0:
        size = min(BATCH, left)
        following, cost = STEPS[going_on.step](person, going_on, size)
        left -= max(1, cost)
        if following is None:
            later = [*STEPS][[*STEPS].index(going_on.step) + 1 :]
            if not later:
                return None
            following = Place(later[0])
        going_on = following
        if going_on == SECOND_TIME:
            break
    return going_on


def erase_names(events: QuerySet[AuditEvent]) -> None:
    """Erase names from the audit trail: what happened and when stays. Most events are logins, and name nobody."""
    names = sorted(PERSONAL)
    naming = events.filter(Q(before__has_any_keys=names) | Q(after__has_any_keys=names))
    naming.update(**{column: Coalesce(_WithoutPerson(F(column)), F(column)) for column in ("before", "after")})


def erase_traces_of_pictures(pictures: Collection[uuid.UUID | str]) -> None:
    """Erase the file names of a person's pictures from the audit trail, and the address from which they were replaced.

    The system deletes the last picture, in the person's request.
    """
    events = AuditEvent.objects.filter(object_type="mediafile", object_id__in=pictures)
    erase_names(events)
    events.filter(actor=None, ip__isnull=False).update(ip=None)


def erase_names_of_key(key: uuid.UUID, after: uuid.UUID | None, size: int) -> list[uuid.UUID] | None:
    """Erase names from the next `size` events about an API key; return their ids, or None if others hold some of them.

    `after` is the last one that has been looked at.
    """
    ids = _next_of(AuditEvent.objects.filter(object_type="apikey", object_id=key), after, size)
    events = AuditEvent.objects.filter(pk__in=ids)
    if len(unlocked(events).values_list("pk", flat=True)) < len(ids):
        return None
    erase_names(events)
    return ids


def _about(person: uuid.UUID, place: Place, size: int) -> tuple[Place | None, int]:
    """Events about the account. One that nobody else has caused comes from the person's own address."""
    ids = _next_of(AuditEvent.objects.filter(object_type="user", object_id=person), place.after, size)
    events = AuditEvent.objects.filter(pk__in=ids)
    if earlier := _earlier_addresses(person, events):
        erase_addresses(earlier)
    if pictures := _pictures(events):
        erase_traces_of_pictures(pictures)
    erase_names(events)
    events.filter(Q(actor=person) | Q(actor=None), ip__isnull=False).update(ip=None)
    return (place._replace(after=ids[-1]) if len(ids) == size else None), len(ids)


def _earlier_addresses(person: uuid.UUID, events: QuerySet[AuditEvent]) -> set[str]:
    """Return the addresses that the person had before these events, unless another account has them by now.

    As with the last address, one that was never verified counts only if somebody else has deleted the account.
    """
    befores = events.filter(before__has_key="email").values_list("before", flat=True)
    changes = [(before["email"].lower(), before) for before in befores if "@" in before["email"]]  # else erased already
    had = {email for email, _ in changes}
    verified = {email for email, before in changes if before.get("email_verified")}
    if had != verified and _has_left(person):
        had = verified
    others = User.objects.annotate(folded=Lower("email")).filter(folded__in=had)
    return had.difference(others.values_list("folded", flat=True))


def _pictures(events: QuerySet[AuditEvent]) -> set[str]:
    """Return the ids of the files that these events call a picture of the profile, unless they are erased already."""
    changes = events.filter(Q(before__has_key="picture") | Q(after__has_key="picture")).values_list("before", "after")
    return {values.get("picture") for change in changes for values in change} - {None, ERASED}


def _has_left(person: uuid.UUID) -> bool:
    """Return whether the person has deleted the account, and nobody else."""
    events = AuditEvent.objects.filter(object_type="user", object_id=person, action="user.deleted")
    return events.order_by("-created_at").values_list("actor", flat=True).first() == person


def _caused(person: uuid.UUID, place: Place, size: int) -> tuple[Place | None, int]:
    """Events that the person has caused hold the client's address."""
    ids = _next_of(AuditEvent.objects.filter(actor=person), place.after, size)
    AuditEvent.objects.filter(pk__in=ids, ip__isnull=False).update(ip=None)
    return (place._replace(after=ids[-1]) if len(ids) == size else None), len(ids)


def _keys(person: uuid.UUID, place: Place, size: int) -> tuple[Place | None, int]:
    """One API key and its events, or a batch of them where it has more."""
    keys = ApiKey.objects.filter(owner=person).order_by("pk")
    if place.after:
        key = keys.filter(pk=place.subject or person).first()
    else:
        key = (keys.filter(pk__gt=place.subject) if place.subject else keys).first()
    if key is None:  # the last one, or one that was pruned
        return (place._replace(after=None) if place.after else None), KEY_COST
    ids = _next_of(AuditEvent.objects.filter(object_type="apikey", object_id=key.pk), place.after, size)
    erase_names(AuditEvent.objects.filter(pk__in=ids))
    if len(ids) == size:
        return Place(place.step, key.pk, ids[-1]), size
    _delete_mails(Q(args__1=key.prefix), [key.prefix])
    keys.filter(pk=key.pk).update(name=ERASED, contact_email="")
    return Place(place.step, key.pk), KEY_COST + len(ids)


def _old_answers(person: uuid.UUID, place: Place, size: int) -> tuple[Place | None, int]:
    """Answers that an earlier release has stored: only their bodies know whom they name."""
    rows = StoredAnswer.objects.filter(person=None)
    rows = rows.filter(pk__gt=place.after) if place.after else rows
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:ANSWERS_A_BATCH])
    if not ids:
        return None, 0
    some = StoredAnswer.objects.filter(pk__in=ids).annotate(place=_position(str(person).encode())).filter(place__gt=0)
    for member in NAMING_MEMBERS:
        naming = some.annotate(member=_position(member)).filter(member__gt=0)
        StoredAnswer.objects.filter(pk__in=list(naming.values_list("pk", flat=True))).delete()
    return place._replace(after=ids[-1]), BATCH


def _few(person: uuid.UUID, place: Place, size: int) -> tuple[Place | None, int]:
    """Repeat what was done with the account."""
    erase_traces(person)
    return None, KEY_COST


type _Step = Callable[[uuid.UUID, Place, int], tuple[Place | None, int]]
STEPS: Final[dict[str, _Step]] = {
    "about": _about,
    "caused": _caused,
    "keys": _keys,
    "answers": _old_answers,
    AGAIN: _few,
    f"{AGAIN}_1": _about,
    f"{AGAIN}_2": _caused,
    f"{AGAIN}_3": _keys,
}
START: Final = Place("about")
SECOND_TIME: Final = Place(AGAIN)
"""For what was under way while the account was deleted, and came late."""


def _next_of(events: QuerySet[AuditEvent], after: uuid.UUID | None, size: int) -> list[uuid.UUID]:
    """Return the ids of the next events in the order of their indexes. After one that was pruned, begin again."""
    if after:
        # Compared as it is stored: SQLite holds instants of two lengths.
        at = Coalesce(Subquery(AuditEvent.objects.filter(pk=after).values("created_at")), Value(_LONG_AGO))
        events = events.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=after), created_at__gte=at)
    return list(events.order_by("created_at", "pk").values_list("pk", flat=True)[:size])


def _delete_mails(to_the_person: Q, names: Sequence[str]) -> None:
    """Delete mails to the person, as a failed one keeps the address, and finished jobs that name the person."""
    is_named = Q()
    for name in names:
        is_named |= Q(text__contains=name)
    jobs = Job.objects.annotate(text=Cast("args", TextField())).filter(queue_name=QUEUE)
    jobs.filter(to_the_person | (is_named & Q(finished_at__isnull=False))).delete()


def _forget_reports() -> None:
    """Forget what imports said of the values that they changed: names and addresses of their authors among these.

    A worker that was killed may have stored a report that no row records.
    """
    for one in Transfer.objects.filter(kind=TransferKind.IMPORT).only("created_at", "report"):
        delete_files_later(one.report_names())
    Transfer.objects.exclude(report="", remarks=[]).update(report="", remarks=[], remark_count=0)


def delete_files_later(names: Iterable[str]) -> None:
    """Delete files once the caller's transaction has committed. One that can't be deleted is logged and stays."""
    for name in names:
        transaction.on_commit(partial(default_storage.delete, name), robust=True)


def _forget_invitations(invitations: QuerySet[Invitation]) -> None:
    ids = [str(pk) for pk in invitations.values_list("pk", flat=True)]
    Job.objects.filter(queue_name=QUEUE, args__0__in=ids).delete()
    invitations.delete()


def _position(needle: bytes) -> _Position:
    return _Position(Value(needle, output_field=BinaryField()), F("body"))
