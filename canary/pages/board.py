"""The migration board as a page: the consumers of v1, with links to what can be done for each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from canary.core.consumers import NAMED, PROVEN, kind_of
from canary.core.lifecycle import BROWNOUT, DEPRECATED, NOTICE_DAYS, SUNSET
from canary.core.permissions import LIFECYCLE
from canary.pages.asking import reason_of
from canary.pages.timelines import until_text, window_text
from canary.reporting.board import migration_board

PAGE_MAX: Final = 1_000
DIGITS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One consumer, with what the template can't work out of the board's JSON."""

    known: dict[str, Any]
    last_seen_at: datetime
    why: str
    """Why its version answers it."""
    since: datetime | None
    told_at: datetime | None
    places: int
    """In how many places answers of its routes differ."""
    ends: list[str]
    """Sentences about an end of its own."""
    can_extend: bool
    can_brown_out: bool
    is_made_up: bool
    """Whether anybody may have made up the name of a user or key."""


def board_context(user: Any, page: str, now: datetime) -> dict[str, Any]:
    """Return the context of the template. Raises StoreUnreachable."""
    number = int(page) if page.isascii() and page.isdigit() and len(page) <= DIGITS_MAX else 1
    board = migration_board(now, page=min(max(1, number), PAGE_MAX), viewer=user, is_addressed=True)
    state = board["lifecycle"] if user.has_perm(LIFECYCLE) else ""
    return {
        "board": board,
        "rows": [_row(known, state) for known in board["consumers"]],
        "notice_days": NOTICE_DAYS,
        "before": board["page"] - 1,
        "after": board["page"] + 1 if board["page"] < board["pages"] else 0,
    }


def _row(known: dict[str, Any], state: str) -> Row:
    version, told, kind = known["version"], known["told"], kind_of(known["consumer"])
    can_extend = kind in PROVEN and state in (DEPRECATED, BROWNOUT, SUNSET)
    can_brown_out = kind in NAMED and (state in (DEPRECATED, BROWNOUT) or bool(state and known["extension"]))
    return Row(
        known=known,
        last_seen_at=datetime.fromisoformat(known["last_seen_at"]),
        why=reason_of(version) if version else "",
        since=_instant(version["since"]) if version else None,
        told_at=_instant(told["at"]) if told else None,
        places=len(known["differences"]["places"]) + known["differences"]["places_more"],
        ends=_ends(known),
        can_extend=can_extend and version is not None,
        can_brown_out=can_brown_out and version is not None,
        is_made_up=kind in PROVEN and version is not None and not known["is_proven"],
    )


def _ends(known: dict[str, Any]) -> list[str]:
    extension, ends = known["extension"], []
    if extension:
        until = _instant(extension["until"])
        ends.append(until_text(None if until is None else int(until.timestamp())))
    for window in known["brownouts"]:
        start, end = (datetime.fromisoformat(window[name]).timestamp() for name in ("from", "to"))
        ends.append(_("a brownout of its own: %(window)s") % {"window": window_text(start, end)})
    return ends


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
