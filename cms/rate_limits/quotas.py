"""A quota: one policy for one subject."""

from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings


@dataclass(frozen=True)
class Policy:
    name: str
    """As clients read it in `RateLimit-Policy`."""
    setting: str | None
    """None: no setting changes it, and `most` is the limit."""
    window_s: int
    factor: int = 1
    """The factor of the setting: several accounts may share an address."""
    most: int | None = None
    """An upper bound of the limit."""
    if_off: int = 0
    """The limit where the setting is 0."""

    @property
    def limit(self) -> int:
        """Return the most in any window; 0 means no limit."""
        if self.setting is None:
            return self.most or 0
        limit: int = getattr(settings, self.setting) * self.factor or self.if_off
        return limit if self.most is None else min(limit, self.most)


class Quota(NamedTuple):
    """One policy for one subject."""

    policy: Policy
    subject: str

    @property
    def key(self) -> str:
        return f"tandem:limit:{self.policy.name}:{self.subject}"
