"""Every story of v1's contract, one module a noun."""

from typing import Final

from tests.contract.v1.cases import (
    admin_posts,
    api_keys,
    auth,
    bodies,
    comments,
    post_reads,
    post_writes,
    routes,
    search,
    terms,
    users,
)
from tests.contract.v1.stories import Story

STORIES: Final[list[Story]] = [
    told
    for noun in (routes, bodies, auth, users, post_reads, post_writes, admin_posts, comments, terms, search, api_keys)
    for told in noun.STORIES
]
