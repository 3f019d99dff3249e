"""The life of v1: its states, the conditions of each transition, and the possible orders of dates.

ACTIVE → DEPRECATED → BROWNOUT → SUNSET, by command; REMOVED by a deploy without v1's arm. All times are unix seconds.
Nobody can override whether a transition is *possible* (`deprecate`, `add_brownout`, …). Whether it is *due*
(`unmet_…`) can be overridden.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

ACTIVE: Final = "active"
DEPRECATED: Final = "deprecated"
BROWNOUT: Final = "brownout"
SUNSET: Final = "sunset"
REMOVED: Final = "removed"
STATES: Final = (ACTIVE, DEPRECATED, BROWNOUT, SUNSET, REMOVED)
ADVANCE: Final = "lifecycle advance"
"""The verb of the event that begins the next journey."""

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
FULL_DAYS: Final = 7  # v2 answers everybody for so long before v1 is deprecated: the slowest weekly client was seen
DEPRECATED_DAYS: Final = 30  # monthly jobs have seen the headers before anything is switched off
NOTICE_DAYS: Final = 14
QUIET_DAYS: Final = 14
# Each window may be as long as its place allows and is longer than the one before (GitHub's brownouts of 2021).
LADDER_S: Final = (1 * HOUR_S, 12 * HOUR_S, 24 * HOUR_S, 48 * HOUR_S)

NAMES_TOLD: Final = 20
NO_DATE: Final = "the announced date was over when v1 was restored; `deprecate --sunset DATE` announces another."

Window = tuple[int, int]
"""From, inclusive, and to, exclusive."""


class OwnWindow(NamedTuple):
    """A brownout of one consumer alone."""

    consumer: str
    """As the usage of v1 names it, `user:42`."""
    start: int
    end: int


class LifeError(Exception):
    """A transition that the order of states or of dates makes impossible."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True, slots=True)
class Unmet:
    """A guard that isn't met: `code` is stable, `sentence` says what is missing."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Life:
    state: str = ACTIVE
    deprecated_at: int | None = None
    sunset_at: int | None = None
    """The announced date; only `state` shows that v1 is gone. None for a restored version whose date is over."""
    brownouts: tuple[Window, ...] = ()
    sunset_done_at: int | None = None
    kept_sunset_at: int | None = None
    """For `restore` after a sunset: the announced date, if the sunset came before it."""
    kept_brownouts: tuple[Window, ...] = ()
    """For `restore` after a sunset: the windows that were still to come."""
    own_brownouts: tuple[OwnWindow, ...] = ()
    """By their start; those that are over only stay until another one is planned."""
    extensions: Mapping[str, int | None] = field(default_factory=dict, hash=False)
    """By consumer, until when v1 answers it after the sunset; None: until the notice days after it is notified."""

    def __post_init__(self) -> None:
        if fault := broken_invariant(self) or _broken_for_consumers(self):
            raise ValueError(f"{self} can't be: {fault}")


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that the guards look at, as found in the tables at one moment."""

    full_since: int | None = None
    """The time since which v2's weight has been 100 % without a break; None when it isn't."""
    is_safe: bool = False
    """Whether the latest verdict about the release in force is a pass."""
    unmapped: tuple[str, ...] = ()
    """Routes of v1 with neither an equivalent nor a documented reason why there is none."""
    unnotified: tuple[str, ...] = ()
    """Consumers of the last QUIET_DAYS that no notification reached or tried to reach, whose names are proven."""
    last_call_at: int | None = None
    """The last call of v1, by anybody."""
    untold: tuple[str, ...] = ()
    """As `unnotified`, of all days that a notification is about; without those that an extension keeps on v1."""
    unproven: tuple[str, ...] = ()  # the same for names that strangers can make up: no sunset waits for them
    spared: tuple[str, ...] = ()
    """Consumers that v1 would keep answering until they are notified."""
    last_reached_at: int | None = None
    """The last call of v1 by a proven name that a sunset would reach: all but the extended ones."""


def life_from(stored: Mapping[str, Any]) -> Life:
    """Return the Life of a row's JSON; an empty one is ACTIVE. Raises ValueError for an impossible life."""
    return Life(
        state=stored.get("state", ACTIVE),
        deprecated_at=stored.get("deprecated_at"),
        sunset_at=stored.get("sunset_at"),
        brownouts=_windows_from(stored.get("brownouts", ())),
        sunset_done_at=stored.get("sunset_done_at"),
        kept_sunset_at=stored.get("kept_sunset_at"),
        kept_brownouts=_windows_from(stored.get("kept_brownouts", ())),
        own_brownouts=tuple(OwnWindow(*window) for window in stored.get("own_brownouts", ())),
        extensions=dict(stored.get("extensions", {})),
    )


def dump_life(life: Life) -> dict[str, Any]:
    return {
        "state": life.state,
        "deprecated_at": life.deprecated_at,
        "sunset_at": life.sunset_at,
        "brownouts": [list(window) for window in life.brownouts],
        "sunset_done_at": life.sunset_done_at,
        "kept_sunset_at": life.kept_sunset_at,
        "kept_brownouts": [list(window) for window in life.kept_brownouts],
        "own_brownouts": [list(window) for window in life.own_brownouts],
        "extensions": dict(life.extensions),
    }


def _windows_from(stored: Sequence[Sequence[int]]) -> tuple[Window, ...]:
    return tuple((int(start), int(end)) for start, end in stored)


def is_stable_gone(life: Life) -> bool:
    """Return whether v1 answers nobody any more, windows aside."""
    return life.state in (SUNSET, REMOVED)


def running_brownout(life: Life, now: float) -> Window | None:
    """Return the window that `now` lies in."""
    if life.state != BROWNOUT:
        return None
    return next((window for window in life.brownouts if window[0] <= now < window[1]), None)


def in_brownout(life: Life, now: float) -> bool:
    return running_brownout(life, now) is not None


def is_announced(life: Life) -> bool:
    """Return whether v1's responses announce that it is deprecated."""
    return life.state != ACTIVE


def broken_invariant(life: Life) -> str | None:
    """Return what is wrong with its dates, None when nothing is: deprecation ≤ brownouts ≤ sunset ≤ its execution."""
    if life.state not in STATES:
        return f"the state is none of {', '.join(STATES)}"
    dates = [life.deprecated_at, *(at for window in life.brownouts for at in window), life.sunset_at]
    if life.state in (ACTIVE, REMOVED) and all(at is None for at in (*dates, life.sunset_done_at)):
        return None
    if life.state == ACTIVE:
        return "an active version has no dates"
    if life.deprecated_at is None:
        return "a deprecated version has the date of its deprecation"
    if (life.sunset_done_at is not None) != (life.state in (SUNSET, REMOVED)):
        return "the sunset's execution is dated when it was executed, and only then"
    if life.sunset_at is None and is_stable_gone(life):
        return "a version that is gone has the date of its sunset"
    if (life.kept_sunset_at is not None or life.kept_brownouts) and life.state != SUNSET:
        return "dates are kept for the way back from a sunset, and only then"
    if life.brownouts and life.state == DEPRECATED:
        return "a version with brownouts is in the state of brownouts"
    known = [at for at in (*dates, life.sunset_done_at) if at is not None]
    return None if known == sorted(known) else "its dates are not in order"


def _broken_for_consumers(life: Life) -> str | None:
    if life.state == ACTIVE and (life.own_brownouts or life.extensions):
        return "an active version has no end for anybody"
    if any(not (life.deprecated_at or 0) <= start <= end for _, start, end in life.own_brownouts):
        return "a brownout of one consumer begins after the deprecation and before its own end"
    return None


def refuse_rollback(life: Life, *, is_stable_enabled: bool = True) -> str | None:
    """Return why v1 can't get the traffic back, None when it can: no weight may name a version that answers nobody."""
    if life.state == REMOVED:
        return "v1 is removed: only a deploy that has its code brings it back. The weight stays as it is."
    if not is_stable_enabled:
        return (
            "v1 is switched off by USE_LEGACY_API_V1=false, so v2 answers everybody: there is nothing to roll back to."
        )
    if is_stable_gone(life):
        return (
            "v1 is sunset, so v2 answers everybody at any weight: there is nothing to roll back to."
            " `lifecycle restore` brings v1 back; then roll back."
        )
    return None


# -- transitions ------------------------------------------------------------------------------------------------------


def deprecate(life: Life, sunset_at: int, now: float) -> Life:
    """Announce the sunset, or move an announced one to another date."""
    if is_stable_gone(life):
        raise LifeError("v1-gone", "v1 is sunset already; `restore` brings it back.")
    own_ends = (window.end for window in life.own_brownouts if window.consumer not in life.extensions)
    earliest = max(int(now), *(end for _, end in life.brownouts), *own_ends, life.deprecated_at or 0)
    if sunset_at < earliest:
        raise LifeError(
            "sunset-too-early",
            f"The sunset can't be at {iso(sunset_at)}: it comes after the deprecation, after the last brownout and"
            f" after this moment, at {iso(earliest)} or later.",
        )
    if life.state == ACTIVE:
        return Life(DEPRECATED, int(now), sunset_at)
    return replace(life, sunset_at=sunset_at)


def add_brownout(life: Life, window: Window, now: float) -> Life:
    """Plan one more window, after all others; one that has begun already begins now."""
    if life.state not in (DEPRECATED, BROWNOUT):
        why = "v1 is sunset already" if is_stable_gone(life) else "v1 is not deprecated"
        raise LifeError("not-deprecated", f"A brownout can't be planned: {why}.")
    if life.sunset_at is None:
        raise LifeError("no-sunset-date", f"A brownout can't be planned: {NO_DATE}")
    start, end = max(window[0], int(now)), window[1]
    if end <= start:
        raise LifeError("window-empty", "A brownout has to end after it begins, and in the future.")
    if end > life.sunset_at:
        raise LifeError(
            "window-too-late", f"A brownout has to end before the sunset at {iso(life.sunset_at)}, not at {iso(end)}."
        )
    if life.brownouts and start < life.brownouts[-1][1]:
        last = life.brownouts[-1]
        raise LifeError("window-order", f"A brownout has to follow all others; the last one ends at {iso(last[1])}.")
    return replace(life, state=BROWNOUT, brownouts=(*life.brownouts, (start, end)))


def end_brownout(life: Life, now: float, *, is_all: bool = False) -> Life:
    """End the running window at once; with `is_all` cancel the planned ones too. A window that has begun stays, cut."""
    kept = tuple((start, min(end, int(now))) for start, end in life.brownouts if start < int(now))
    ahead = tuple(window for window in life.brownouts if window[0] > now)
    if not is_all and not in_brownout(life, now):
        raise LifeError("no-brownout", f"No brownout is running.{next_sentence(ahead)}")
    if is_all and kept + ahead == life.brownouts and not ahead:
        raise LifeError("no-brownout", "No brownout is running and none is planned.")
    return replace(life, brownouts=kept if is_all else kept + ahead)


def sunset(life: Life, now: float) -> Life:
    """Take v1 out of service at once. An announced date in the future moves to this moment, and so do its windows."""
    if is_stable_gone(life):
        raise LifeError("v1-gone", "v1 is sunset already.")
    if life.state == ACTIVE:
        raise LifeError("not-deprecated", "v1 has no sunset date: run `lifecycle deprecate` first.")
    if life.sunset_at is None:
        raise LifeError("no-sunset-date", f"v1 can't be sunset: {NO_DATE}")
    at = int(now)
    return replace(
        life,
        state=SUNSET,
        sunset_at=min(life.sunset_at, at),
        brownouts=tuple((start, min(end, at)) for start, end in life.brownouts if start < at),
        sunset_done_at=at,
        kept_sunset_at=life.sunset_at if life.sunset_at > at else None,
        kept_brownouts=tuple(window for window in life.brownouts if window[0] >= at),
    )


def restore(life: Life, now: float) -> Life:
    """Go one state back, so that v1 answers at once: from sunset to the state before, then to deprecated or active.

    The announced date and windows of a sunset are in force again if they are still to come. A date that is over would
    be a false promise: there is none then, until `deprecate` announces another.
    """
    if life.state == ACTIVE:
        raise LifeError("active", "v1 is active: there is nothing to restore.")
    if life.state == REMOVED:
        raise LifeError("removed", "v1's code is not deployed: only a deploy that has it brings it back.")
    if life.state == SUNSET:
        return _before_sunset(life, now)
    if life.state == BROWNOUT:
        return replace(life, state=DEPRECATED, brownouts=(), own_brownouts=())
    return Life()


def _before_sunset(life: Life, now: float) -> Life:
    sunset_at = life.kept_sunset_at if life.kept_sunset_at is not None and life.kept_sunset_at > now else None
    # A window that would be running stays taken back: v1 answers at once.
    ahead = tuple(window for window in life.kept_brownouts if sunset_at is not None and window[0] > now)
    windows = life.brownouts + ahead
    # Before another sunset, consumers that were never notified are notified, or v1 keeps answering them again.
    extensions = {name: until for name, until in life.extensions.items() if until is not None and until > now}
    ends = {window: extensions.get(window.consumer, sunset_at) for window in life.own_brownouts if window.start > now}
    own = tuple(window for window, end in ends.items() if end is not None and window.end <= end)
    state = BROWNOUT if windows else DEPRECATED
    return Life(state, life.deprecated_at, sunset_at, windows, own_brownouts=own, extensions=extensions)


def next_sentence(ahead: Sequence[Window]) -> str:
    return f" The next one begins at {iso(ahead[0][0])}; `--all` takes it back." if ahead else ""


# -- guards -----------------------------------------------------------------------------------------------------------


def unmet_for_deprecation(life: Life, facts: Facts, now: float) -> list[Unmet]:
    """Return why v1 should not be deprecated yet; nothing for a change of an announced date."""
    if life.state != ACTIVE:
        return []
    unmet = []
    if facts.full_since is None or facts.full_since > now - FULL_DAYS * DAY_S:
        since = "is not" if facts.full_since is None else f"has been since {iso(facts.full_since)}"
        unmet.append(Unmet("full-traffic", f"v2 has to be at 100 % for {FULL_DAYS} days; it {since}."))
    if not facts.is_safe:
        unmet.append(Unmet("certificate", "The latest verdict about this release is not a pass: v2 isn't proven safe."))
    if facts.unmapped:
        unmet.append(Unmet("parity", f"Without an equivalent or a documented gap: {', '.join(facts.unmapped)}."))
    return unmet


def unmet_for_brownout(life: Life, window: Window, facts: Facts, now: float) -> list[Unmet]:
    unmet = []
    due_at = (life.deprecated_at or int(now)) + DEPRECATED_DAYS * DAY_S
    if window[0] < due_at:
        unmet.append(
            Unmet("deprecated-days", f"v1 has to be deprecated for {DEPRECATED_DAYS} days, until {iso(due_at)}.")
        )
    if window[0] < now + NOTICE_DAYS * DAY_S:
        unmet.append(Unmet("notice", f"A brownout is published {NOTICE_DAYS} days ahead or more."))
    if facts.unnotified:
        unmet.append(Unmet("notified", f"Not notified yet: {names_told(facts.unnotified)}; run `lifecycle notify`."))
    if sentence := _off_the_ladder(life, window):
        unmet.append(Unmet("ladder", sentence))
    return unmet


def unmet_for_sunset(life: Life, facts: Facts, now: float) -> list[Unmet]:
    unmet = []
    if life.sunset_at is None:
        unmet.append(Unmet("sunset-date", f"v1 can't be sunset: {NO_DATE}"))
    elif life.sunset_at > now:
        unmet.append(Unmet("sunset-date", f"The announced date {iso(life.sunset_at)} is still to come."))
    if life.state == DEPRECATED:
        unmet.append(Unmet("brownouts", "No brownout was held, so it is not known who still depends on v1."))
    own_ends = (window.end for window in life.own_brownouts if window.consumer not in life.extensions)
    if any(end > now for end in (*own_ends, *(end for _, end in life.brownouts))):
        unmet.append(Unmet("brownouts-ahead", "A brownout is running or still planned."))
    if facts.untold:
        unmet.append(Unmet("notified", f"Not notified yet: {names_told(facts.untold)}; run `lifecycle notify`."))
    if facts.last_reached_at is not None and facts.last_reached_at > now - QUIET_DAYS * DAY_S:
        called = f"v1 was called at {iso(facts.last_reached_at)} by a user or an API key"
        unmet.append(Unmet("quiet", f"{called}: {QUIET_DAYS} days without such a call are needed."))
    return unmet


def names_told(names: Sequence[str]) -> str:
    """Return the first names: strangers can make up very many."""
    more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
    return f"{', '.join(names[:NAMES_TOLD])}{more}"


def _off_the_ladder(life: Life, window: Window) -> str | None:
    place = min(len(life.brownouts), len(LADDER_S) - 1)
    longest, length = LADDER_S[place], window[1] - window[0]
    before = life.brownouts[-1][1] - life.brownouts[-1][0] if life.brownouts else 0
    if length > longest:
        return f"Brownout {len(life.brownouts) + 1} is at most {longest // HOUR_S} h long; they grow: 1, 12, 24, 48 h."
    if length <= before < LADDER_S[-1]:
        return "A brownout is longer than the one before; they grow: 1, 12, 24, 48 h."
    return None


# -- formats ----------------------------------------------------------------------------------------------------------


def iso(at: float) -> str:
    """Return the instant as `2027-06-01T00:00:00Z`."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
