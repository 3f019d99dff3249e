"""The end of v1 for single consumers: brownouts of their own, and extensions beyond the sunset. Pure rules.

A consumer is named as the usage of v1 names it. An extension needs a name that a credential proves: anybody can send
the `X-Client-Id` of somebody else. A brownout does not, because it only harms those who take the name.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from canary.core.lifecycle import (
    ACTIVE,
    DAY_S,
    DEPRECATED_DAYS,
    LADDER_S,
    NO_DATE,
    NOTICE_DAYS,
    QUIET_DAYS,
    REMOVED,
    Facts,
    Life,
    LifeError,
    OwnWindow,
    Unmet,
    Window,
    end_brownout,
    in_brownout,
    is_stable_gone,
    iso,
    next_sentence,
)

PROVEN: Final = ("user", "key")
"""Kinds that a credential proves."""
NAMED: Final = (*PROVEN, "client")
"""Kinds that the usage of v1 counts by name."""
EXTENSIONS_MAX: Final = 100
OWN_BROWNOUTS_MAX: Final = 100
"""Both stand in each event of the log, and in the memory of each process."""
NO_BROWNOUT: Final = "A brownout can't be planned"


def kind_of(consumer: str) -> str:
    return consumer.partition(":")[0]


def is_extended(life: Life, consumer: str, now: float) -> bool:
    """Return whether v1 answers this consumer at `now` even if it is sunset."""
    if consumer not in life.extensions:
        return False
    until = life.extensions[consumer]
    return until is None or now < until


def extended(life: Life, now: float) -> list[str]:
    """Return the consumers that v1 answers at `now` even if it is sunset."""
    return [consumer for consumer in life.extensions if is_extended(life, consumer, now)]


def end_for(life: Life, consumer: str) -> int | None:
    """Return when v1 ends for this consumer; None without a date, as for one that still has to be notified."""
    if consumer not in life.extensions:
        return life.sunset_at
    until = life.extensions[consumer]
    return None if until is None else max(until, life.sunset_at or until)


def running_own(life: Life, consumer: str, now: float) -> Window | None:
    """Return the consumer's own window that `now` lies in."""
    running = (one for one in life.own_brownouts if one.consumer == consumer and one.start <= now < one.end)
    return next(((start, end) for _, start, end in running), None)


def has_own_rules(life: Life, now: float) -> bool:
    """Return whether v1 may answer single consumers otherwise than all others at `now`."""
    if life.extensions and is_stable_gone(life):
        return True
    return any(start <= now < end for _, start, end in life.own_brownouts)


# -- transitions ------------------------------------------------------------------------------------------------------


def extend(life: Life, consumer: str, until: int, now: float) -> Life:
    """Let v1 answer this consumer until then, in place of an earlier extension. After a sunset it begins at once."""
    _refuse_unless_deprecated(life, "An extension can't be given")
    if kind_of(consumer) not in PROVEN:
        raise LifeError(
            "unproven-consumer",
            f"Anybody can send the name {consumer}, so anybody could use its extension. Give it to a user (user:ID) or"
            " to an API key (key:PREFIX), which a credential proves.",
        )
    earliest = int(now) if is_stable_gone(life) else max(int(now), life.sunset_at or 0)
    if until <= earliest:
        raise LifeError(
            "extension-too-early",
            f"An extension has to end after the sunset and in the future: after {iso(earliest)}.",
        )
    return replace(life, extensions=_bounded({**_in_force(life, now), consumer: until}))


def end_extension(life: Life, consumer: str) -> Life:
    if consumer not in life.extensions:
        raise LifeError("not-extended", f"{consumer} has no extension.")
    return replace(life, extensions={name: until for name, until in life.extensions.items() if name != consumer})


def spare_untold(life: Life, untold: Iterable[str], now: float) -> Life:
    """Let v1 keep answering consumers that were never notified, if a credential proves their names."""
    spared = dict.fromkeys(filter(can_be_spared, untold))
    return replace(life, extensions=_bounded({**spared, **_in_force(life, now)}))


def count_as_told(life: Life, told: Iterable[str], now: float) -> Life:
    """Date the extensions of consumers that were spared until now: they get the notice days from now on."""
    names, until = {*told}, int(now) + NOTICE_DAYS * DAY_S
    extensions = {name: until if known is None and name in names else known for name, known in life.extensions.items()}
    return replace(life, extensions=extensions)


def is_shortened(before: Life, after: Life, consumer: str) -> bool:
    """Return whether a change of its extension takes v1 from the consumer earlier than it would have been."""
    if consumer not in before.extensions:
        return False
    was, now = before.extensions[consumer], after.extensions.get(consumer, 0)
    return now is not None and (was is None or now < was)


def add_own_brownout(life: Life, consumer: str, window: Window, now: float) -> Life:
    """Plan a window for this consumer alone, after its others; one that has begun already begins now."""
    if kind_of(consumer) not in NAMED:
        raise LifeError(
            "nameless-consumer", f"{consumer} is not a consumer; plan one for user:ID, key:PREFIX or client:ID."
        )
    if not is_extended(life, consumer, now):
        _refuse_unless_deprecated(life, NO_BROWNOUT)
        if is_stable_gone(life):
            raise LifeError("not-deprecated", f"{NO_BROWNOUT}: v1 is sunset already, and {consumer} has no extension.")
        if life.sunset_at is None:
            raise LifeError("no-sunset-date", f"{NO_BROWNOUT}: {NO_DATE}")
    start, end = max(window[0], int(now)), window[1]
    if end <= start:
        raise LifeError("window-empty", "A brownout has to end after it begins, and in the future.")
    last = end_for(life, consumer)
    if last is not None and end > last:
        raise LifeError(
            "window-too-late", f"A brownout of {consumer} has to end before v1 ends for it, at {iso(last)}."
        )
    kept = [one for one in life.own_brownouts if one.end > now]
    if own := [one for one in kept if one.consumer == consumer and one.end > start]:
        sentence = f"A brownout of {consumer} has to follow its others; the last one ends at {iso(own[-1].end)}."
        raise LifeError("window-order", sentence)
    if len(kept) >= OWN_BROWNOUTS_MAX:
        raise LifeError(
            "too-many-brownouts", f"At most {OWN_BROWNOUTS_MAX} brownouts of single consumers can be planned."
        )
    planned = sorted([*kept, OwnWindow(consumer, start, end)], key=lambda one: one.start)
    return replace(life, own_brownouts=tuple(planned))


def end_brownouts(life: Life, now: float, *, is_all: bool = False, consumer: str | None = None) -> Life:
    """End what runs for everybody and for single consumers, or for this one alone; with `is_all` also what is planned.

    Raises LifeError when nothing is to be ended.
    """
    cut = (_cut(one, now, is_all=is_all) if consumer in (None, one.consumer) else one for one in life.own_brownouts)
    following = replace(life, own_brownouts=tuple(filter(None, cut)))
    if consumer is not None and following.own_brownouts == life.own_brownouts:
        ahead = [(start, end) for name, start, end in life.own_brownouts if name == consumer and start > now]
        raise LifeError("no-brownout", f"No brownout of {consumer} is running.{next_sentence(ahead)}")
    if consumer is not None:
        return following
    is_other = following.own_brownouts != life.own_brownouts
    is_any = in_brownout(life, now) or (is_all and any(end > now for _, end in life.brownouts))
    return following if is_other and not is_any else end_brownout(following, now, is_all=is_all)


def unmet_for_own_brownout(life: Life, consumer: str, window: Window, facts: Facts, now: float) -> list[Unmet]:
    """Return what is missing; no ladder, since the brownouts for everybody have shown who still calls v1."""
    unmet = []
    due_at = (life.deprecated_at or int(now)) + DEPRECATED_DAYS * DAY_S
    if window[0] < due_at:
        sentence = f"v1 has to be deprecated for {DEPRECATED_DAYS} days, until {iso(due_at)}."
        unmet.append(Unmet("deprecated-days", sentence))
    if window[0] < now + NOTICE_DAYS * DAY_S:
        unmet.append(Unmet("notice", f"A brownout is published {NOTICE_DAYS} days ahead or more."))
    if consumer in {*facts.unnotified, *facts.untold, *facts.unproven}:
        unmet.append(Unmet("notified", f"Not notified yet: {consumer}; run `lifecycle notify`."))
    if window[1] - window[0] > LADDER_S[-1]:
        unmet.append(Unmet("ladder", f"A brownout of one consumer is at most {LADDER_S[-1] // 3_600} h long."))
    return unmet


def unproven_sentence(calls: int, of_all: int) -> str:
    """Return how many calls no sunset waits for, since anybody can make them; empty without any."""
    if not calls:
        return ""
    counts = f"Calls of v1 without a proven name in the last {QUIET_DAYS} days: {calls:,} of {of_all:,}."
    return f"{counts} The sunset does not wait for them: their clients get 410 from then on."


def can_be_spared(consumer: str) -> bool:
    """Return whether a credential proves the name: nobody else can use its extension."""
    return kind_of(consumer) in PROVEN


def _in_force(life: Life, now: float) -> dict[str, int | None]:
    return {name: until for name, until in life.extensions.items() if until is None or until > now}


def _bounded(extensions: dict[str, int | None]) -> dict[str, int | None]:
    if len(extensions) > EXTENSIONS_MAX:
        raise LifeError(
            "too-many-extensions",
            f"At most {EXTENSIONS_MAX} consumers can have an extension, not {len(extensions)}. Notify them first, or"
            " end other extensions.",
        )
    return extensions


def _cut(window: OwnWindow, now: float, *, is_all: bool) -> OwnWindow | None:
    """Return what is left of a window that is ended now; None for nothing."""
    if window.end <= now or (window.start > now and not is_all):
        return window
    return window._replace(end=int(now)) if window.start < int(now) else None


def _refuse_unless_deprecated(life: Life, what: str) -> None:
    if life.state in (ACTIVE, REMOVED):
        why = "v1 is not deprecated" if life.state == ACTIVE else "v1 is removed"
        raise LifeError("not-deprecated", f"{what}: {why}.")
