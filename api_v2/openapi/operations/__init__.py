"""Every operation of v2, by path and verb. A test holds them against the routes: one too many or too few fails it."""

from typing import Final

from api_v2.openapi.operations.accounts import AUTH, OPERATING, USERS
from api_v2.openapi.operations.content import COMMENTS, FINDING, MEDIA, POSTS, TERMS
from api_v2.openapi.operations.notes import NOTES
from api_v2.openapi.operations.operation import Operation, Operations

# By the heading that they stand under.
GROUPS: Final[dict[str, Operations]] = {
    "Posts": POSTS,
    "Comments": COMMENTS,
    "Tags and categories": TERMS,
    "Media": MEDIA,
    "Finding": FINDING,
    "Users": USERS,
    "Signing in": AUTH,
    "Operating": OPERATING,
}

__all__ = ["GROUPS", "NOTES", "Operation"]
