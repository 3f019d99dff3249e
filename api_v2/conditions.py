"""`If-Match`: a change is made only to the version that its sender has read (RFC 9110 section 13.1.1)."""

import re
from dataclasses import dataclass
from typing import Any, Final

from api_v2.errors import Problem
from api_v2.serializers.shapes import version_at

# Our tags are `"<version>-<digest of the body>"`: other fields and other readers have other digests, the version is the
# same for all. `W/` is what proxies that compress put before a tag.
_TAG: Final = re.compile(r'(?:W/)?"(?:(\d{1,20})-[^"]*|[^"]*)"', re.ASCII)


@dataclass(frozen=True)
class IfMatch:
    """The versions that a request is meant for; with `is_any` every one, as long as there is something."""

    versions: frozenset[int]
    is_any: bool = False

    def admits(self, version: int) -> bool:
        return self.is_any or version in self.versions


def read_if_match(header: str | None) -> IfMatch | None:
    """Return the versions of the header, None without it. A tag that is not ours admits no version, for safety."""
    if header is None:
        return None
    return IfMatch(frozenset(int(version) for version in _TAG.findall(header) if version), header.strip() == "*")


def version_of(row: Any) -> int:
    """Return the version of this row, which stands before the dash in its tags."""
    version: int | None = getattr(row, "version", None)
    return version_at(row.updated_at) if version is None else version


def precondition_required() -> Problem:
    return Problem(
        "precondition_required",
        "The request has no If-Match. Read the object and send the ETag of that response, or * for every version.",
    )


def precondition_failed(version: int) -> Problem:
    return Problem(
        "precondition_failed",
        f"If-Match does not name the current version, {version}. Read the object again and repeat the change.",
    )
