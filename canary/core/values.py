"""The values that a decision is made of and results in."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary.core.crossover import Crossover
from canary.core.lifecycle import Life
from canary.core.names import FIRST, Names

STABLE: Final = 1
"""The version that clients leave; its number in all tables."""
CANDIDATE: Final = 2
"""The version that they go to."""
VERSIONS: Final = (STABLE, CANDIDATE)
KINDS: Final = ("user", "key", "client", "anon")


# Tuples, for every request makes one of each: a frozen dataclass takes four times as long.
class Identity(NamedTuple):
    """Who is asking, as far as routing goes: `kind` is one of KINDS, `id` any text that is not empty."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def parse_identity(text: str) -> Identity:
    """Return `kind:id` as an Identity; the id may hold colons. Raises ValueError with a sentence of what is allowed."""
    kind, colon, identifier = text.partition(":")
    if not colon or kind not in KINDS or not identifier:
        raise ValueError(f"{text!r} is not an identity; allowed is KIND:ID with KIND one of {', '.join(KINDS)}.")
    return Identity(kind, identifier)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that routing needs to know of the rollout, at one moment.

    `version` is the stored rollout's, 0 without one; `weight_bp` is the candidate's share in basis points, 0..10000;
    `salt` is UTF-8 text of 1..64 bytes; `release` and `stage` say to which evidence a request counts. The two switches
    are the environment's: what is stored of the stable version's end is in `life`.
    """

    version: int
    weight_bp: int
    salt: str
    release: int = 1
    stage: int = 0
    latched: bool = False
    is_stable_enabled: bool = True
    is_candidate_enabled: bool = True
    allowed: frozenset[Identity] = field(default_factory=frozenset)
    excluded: frozenset[Identity] = field(default_factory=frozenset)
    life: Life = field(default_factory=Life)
    build: str = ""
    """Whose observations count in this stage; empty when nobody has told."""
    anonymous_key: bytes = field(default=b"", repr=False)
    """The key of digests of anonymous identities; empty: the one derived from SECRET_KEY."""
    cookie_key: bytes = field(default=b"", repr=False)
    """The key that signs cookies; likewise."""
    names: Names = FIRST
    """The names in force: those of the stored rollout, even if the settings have others."""
    crossover: Crossover | None = None
    """The one that runs, or whose last period nobody has judged yet."""


class Decision(NamedTuple):
    """Which version answers, STABLE or CANDIDATE, and why. `bucket` is None where none was computed."""

    api_version: int
    reason: str
    identity: Identity | None = None
    bucket: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the canary gives itself: `code` is stable, `detail` a sentence."""

    status: int
    code: str
    title: str
    detail: str
    retry_after_s: int | None = None


def is_storable(text: str) -> bool:
    """Return whether every database takes the text: no NUL, and nothing that UTF-8 cannot encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
