"""Erasing a person from the records around the account: rows that record what happened stay, without who it was."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import BinaryField, F, Func, IntegerField, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from cms.models import ApiKey, AuditEvent, Comment, ImportRecord, Invitation, Job, StoredAnswer, User
from cms.services.mails import QUEUE

DISPLAY_NAME: Final = "deleted user"
ERASED: Final = "erased"
PERSONAL: Final = frozenset(
    {
        *("username", "email", "first_name", "last_name", "display_name", "bio", "contact_email", "name"),
        *("pending_email", "time_zone", "language", "picture"),
    }
)
"""The personal data that the audit trail may hold, by the names that services give it."""
NAMING_MEMBERS: Final = (b'"username":', b'"author_name":')
"""Members of v2's answers that are a person's; other answers name people by their ids alone."""


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


def erase_traces(user: User) -> None:
    """Erase what the records hold of the person; call it in the transaction that deletes the account."""
    keys, invitations = ApiKey.objects.filter(owner=user), Invitation.objects.filter(accepted_by=user)
    _erase_from_audit(user, keys)
    _forget_jobs(user, list(keys.values_list("prefix", flat=True)))
    _forget_invitations(invitations)
    _forget_answers(user)
    keys.update(name=ERASED, contact_email="")
    ImportRecord.objects.filter(object_type="user", object_id=user.pk).update(original={})


def erase_address(email: str) -> None:
    """Erase what is kept under this address alone: invitations to it, and who a guest is whose comments have it."""
    _forget_invitations(Invitation.objects.to(email))
    guests = Comment.objects.filter(author=None, author_email__iexact=email)
    guests.update(author_name=DISPLAY_NAME, author_email="")


def _erase_from_audit(user: User, keys: QuerySet[ApiKey]) -> None:
    """Erase the person from the audit trail, the trail's only change ever: what happened and when stays."""
    about_the_person = Q(object_type="user", object_id=user.pk)
    about_keys = Q(object_type="apikey", object_id__in=keys.values("pk"))
    for event in AuditEvent.objects.filter(about_the_person | about_keys).iterator():
        erased = _without_person(event.before), _without_person(event.after)
        if erased != (event.before, event.after):  # most are logins, and name nobody
            event.before, event.after = erased
            event.save(update_fields=["before", "after"])
    # An event about somebody that nobody else has caused comes from his own address, as one of his does.
    AuditEvent.objects.filter(Q(actor=user) | (about_the_person & Q(actor=None))).update(ip=None)


def _without_person(values: dict[str, Any]) -> dict[str, Any]:
    return {name: ERASED if name in PERSONAL and value else value for name, value in values.items()}


def _forget_jobs(user: User, prefixes: Sequence[str]) -> None:
    """Delete mails to the person, as a failed one keeps the address, and finished jobs that name the user."""
    names = [str(user.pk), *prefixes]
    to_him, is_named = Q(args__0=names[0]) | Q(args__1__in=names), Q()
    for name in names:
        is_named |= Q(text__contains=name)
    jobs = Job.objects.annotate(text=Cast("args", TextField())).filter(queue_name=QUEUE)
    jobs.filter(to_him | (is_named & Q(finished_at__isnull=False))).delete()


def _forget_invitations(invitations: QuerySet[Invitation]) -> None:
    ids = [str(pk) for pk in invitations.values_list("pk", flat=True)]
    Job.objects.filter(queue_name=QUEUE, args__0__in=ids).delete()
    invitations.delete()


def _forget_answers(user: User) -> None:
    """Delete answers that show the account or its names: a repeated request is then answered as a new one."""
    has_id = StoredAnswer.objects.annotate(place=_position(str(user.pk).encode())).filter(place__gt=0)
    for member in NAMING_MEMBERS:
        naming = has_id.annotate(member=_position(member)).filter(member__gt=0)
        StoredAnswer.objects.filter(pk__in=list(naming.values_list("pk", flat=True))).delete()


def _position(needle: bytes) -> _Position:
    return _Position(Value(needle, output_field=BinaryField()), F("body"))
