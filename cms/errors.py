"""What the domain refuses, and the sentences it says so with. Each API turns these into its own HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong field: `field` as services name it, `code` stable, `message` a sentence with what is allowed."""

    field: str
    code: str
    message: str


class CmsError(Exception):
    """Anything the domain refuses. `code` is stable, `message` is fit to be shown."""

    code = "refused"
    default_message = "The request was refused."

    def __init__(self, message: str = "") -> None:
        self.message = message or self.default_message
        super().__init__(self.message)


class InvalidInput(CmsError):
    code = "invalid_input"
    default_message = "Invalid input"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


class InvalidCredentials(CmsError):
    code = "invalid_credentials"
    default_message = "Invalid credentials"


class InvalidToken(CmsError):
    code = "invalid_token"
    default_message = "The token is not valid or has expired."


class PermissionRefused(CmsError):
    code = "permission_denied"
    default_message = "You may not do this."


class NotFound(CmsError):
    code = "not_found"
    default_message = "Not found."


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
        super().__init__(f"A {noun} can't go from {current} to {wanted}; allowed from here: {choices}.")


class VersionConflict(CmsError):
    """Somebody has changed the row since it was read: `current` is its version now."""

    code = "version_conflict"

    def __init__(self, noun: str, current: int) -> None:
        self.current = current
        super().__init__(
            f"The {noun} was changed meanwhile and is at version {current} now: read it anew and make your change there."
        )


class InUse(CmsError):
    code = "in_use"


class LastAdmin(CmsError):
    code = "last_admin"
    default_message = "The last active admin can't be demoted, suspended or deleted."
