"""The domain's refusals and their sentences. Each API turns these into its own HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext, gettext_noop, pgettext

SHOWN_MAX: Final = 100
"""The most characters of a client's text in a sentence about it."""


def shown(text: str) -> str:
    """Return a text that a client has sent, in quotes, cut where it would make a sentence long."""
    return repr(text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…")


class Sentence(str):
    """A sentence in English that keeps its parts, for pages that show it in another language."""

    template: str
    values: dict[str, object]


def sentence(template: str, **values: object) -> Sentence:
    """Return the template with these values in it. APIs answer with this text in every language."""
    text = Sentence(template % values)
    text.template, text.values = template, values
    return text


def translated(text: str) -> str:
    """Return a sentence of a service in the language of the page, in English where the catalogue has none."""
    if isinstance(text, Sentence):
        return gettext(text.template) % {name: _value(value) for name, value in text.values.items()}
    return gettext(text) if text else ""


def _value(value: object) -> object:
    """Return names of kinds and states as the page has them, one or several with commas between."""
    return ", ".join(map(_word, value.split(", "))) if type(value) is str else value


def _word(word: str) -> str:
    state = pgettext("state", word) if word else ""
    return gettext(word) if word and state == word else state


@dataclass(frozen=True)
class FieldError:
    """One wrong field: `field` as services name it, `code` stable, `message` a sentence with what is allowed."""

    field: str
    code: str
    message: str


class CmsError(Exception):
    """Anything the domain refuses. `code` is stable, `message` is fit to be shown."""

    code = "refused"
    default_message = gettext_noop("The request was refused.")

    def __init__(self, message: str = "") -> None:
        self.message = message or self.default_message
        super().__init__(self.message)


class InvalidInput(CmsError):
    code = "invalid_input"
    default_message = gettext_noop("Invalid input")

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


class InvalidCredentials(CmsError):
    code = "invalid_credentials"
    default_message = gettext_noop("Invalid credentials")


class SecondFactorRequired(CmsError):
    """The password was right, and the account has a second factor. `user` is for the door, not for an answer."""

    code = "second_factor_required"
    default_message = gettext_noop("This account has a second factor. Send its code together with the password.")

    def __init__(self, user: Any) -> None:
        self.user = user
        super().__init__()


class SecondFactorMissing(SecondFactorRequired):
    """The password was right, and the user's role needs a second factor that nobody has set up."""

    code = "second_factor_setup_required"
    default_message = gettext_noop("This account needs a second factor. Sign in at /admin/login/ to set one up.")


class InvalidSecondFactor(CmsError):
    code = "invalid_second_factor"
    default_message = gettext_noop("This code is not valid, was used already or has expired.")


class SignInRefused(CmsError):
    """Nobody is signed in by what a provider says. The message is for who has come back from there."""

    code = "sign_in_refused"


class InvalidToken(CmsError):
    code = "invalid_token"
    default_message = gettext_noop("The token is not valid or has expired.")


class InvalidApiKey(CmsError):
    code = "invalid_api_key"
    default_message = gettext_noop("The API key is not valid, was revoked or has expired.")


class AmbiguousCredentials(CmsError):
    """Two credentials with one request: whom it speaks for would be a guess (RFC 6750 section 3.1: invalid_request)."""

    code = "bad_request"
    default_message = gettext_noop("Send an access token or an API key, not both.")


class PermissionRefused(CmsError):
    code = "permission_denied"
    default_message = gettext_noop("You may not do this.")


class CsrfRefused(PermissionRefused):
    """A change in a browser's session without the proof that its own pages asked for it."""

    code = "csrf_failed"


class PasswordNeeded(PermissionRefused):
    """Nobody has entered the password in the last minutes. The person is right: a page asks for it."""

    default_message = gettext_noop("Enter your password again.")


class InsufficientScope(PermissionRefused):
    """An API key asks for more than it is for."""

    code = "insufficient_scope"

    def __init__(self, scope: str | None) -> None:
        """`scope` is the one that is missing, None where no key may go."""
        self.scope = scope
        super().__init__(
            sentence("This needs the scope %(scope)s, which the API key or its owner doesn't have.", scope=scope)
            if scope
            else gettext_noop("API keys can't be used for this: send an access token.")
        )


class NotFound(CmsError):
    code = "not_found"
    default_message = gettext_noop("Not found.")


class Duplicate(CmsError):
    """A value that must be unique is taken."""

    code = "duplicate"

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class InvalidTransition(CmsError):
    code = "invalid_transition"

    def __init__(self, noun: str, current: str, wanted: str, allowed: Sequence[str]) -> None:
        self.current, self.wanted, self.allowed = current, wanted, tuple(allowed)
        choices = ", ".join(allowed) or "none"
        super().__init__(
            sentence(
                "A %(noun)s can't go from %(current)s to %(wanted)s; allowed from here: %(choices)s.",
                noun=noun,
                current=current,
                wanted=wanted,
                choices=choices,
            )
        )


class NothingToUndo(CmsError):
    code = "nothing_to_undo"
    default_message = gettext_noop(
        "This can't be undone any more: it was too long ago, or something has happened since."
    )


class CommentEdited(CmsError):
    code = "comment_edited"
    default_message = gettext_noop("The comment was edited after you loaded this page. Look at it again.")


class VersionConflict(CmsError):
    """Somebody has changed the row since it was read: `current` is its version now."""

    code = "version_conflict"

    def __init__(self, noun: str, current: int) -> None:
        self.current = current
        super().__init__(
            sentence(
                "The %(noun)s was changed meanwhile and is at version %(current)s now: read it again and "
                "make your change there.",
                noun=noun,
                current=current,
            )
        )


class KeyInFlight(CmsError):
    """The same request, by its Idempotency-Key, is being answered at this moment."""

    code = "idempotency_key_in_flight"
    default_message = gettext_noop(
        "The request with this Idempotency-Key is still being answered: try again in a moment."
    )


class KeyReused(CmsError):
    code = "idempotency_key_reused"
    default_message = gettext_noop(
        "This Idempotency-Key was used with another body in the last 24 hours: take a new one."
    )


class RateLimited(CmsError):
    """Too many in too short a time; `retry_after_s` is a whole number of seconds from 1 on."""

    code = "rate_limited"

    def __init__(self, what: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            sentence("Too many %(what)s: try again in %(retry_after_s)s s.", what=what, retry_after_s=retry_after_s)
        )


class TooMuchKept(RateLimited):
    """One account has made the server keep as many bytes as it may in a day."""

    code = "too_much_kept"

    def __init__(self, most_mb: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        CmsError.__init__(
            self,
            sentence(
                "Your changes have stored %(most)s MB of revisions and repeatable responses within a day, which is the "
                "limit. Try again in %(minutes)s minutes, or ask for a higher limit.",
                most=most_mb,
                minutes=-(-retry_after_s // 60),
            ),
        )


class InUse(CmsError):
    code = "in_use"


class TooManyKeys(CmsError):
    """The owner has as many live API keys as anybody may have."""

    code = "too_many_api_keys"

    def __init__(self, most: int) -> None:
        super().__init__(
            sentence("An owner has at most %(most)s live API keys. Revoke one that is no longer needed.", most=most)
        )


class TooManyDrafts(CmsError):
    """As many restored revisions of the post wait as one may have."""

    code = "too_many_drafts"

    def __init__(self, most: int) -> None:
        super().__init__(
            sentence("A post has at most %(most)s drafts of old revisions. Apply or discard one first.", most=most)
        )


class TooManyUnsavedTexts(CmsError):
    """The writer has as many unsaved texts of the post as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(
            sentence(
                "The server keeps at most %(most)s of your unsaved texts of a post. Save or discard one first.",
                most=most,
            )
        )


class LastAdmin(CmsError):
    code = "last_admin"
    default_message = gettext_noop("The last active admin can't be demoted, suspended or deleted.")
