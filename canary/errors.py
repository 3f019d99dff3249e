"""Refusals of the services, each with a stable code, a sentence and the state that was found."""

from typing import Any


class RolloutError(Exception):
    """A change that was not made. `current` is the status object, empty when even that can't be read.

    `override` is the name of the verb's option that makes the change all the same, empty where there is none.
    """

    def __init__(self, code: str, sentence: str, current: dict[str, Any] | None = None, *, override: str = "") -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.override = code, sentence, override
        self.current: dict[str, Any] = current or {}


class Refused(RolloutError):
    """The rollout's state or the value forbids it."""


class VersionConflict(RolloutError):
    """Somebody else changed the rollout since it was read."""


class StoreUnreachable(RolloutError):
    """The database doesn't answer, or has no tables yet."""
