"""A post that is hidden while a search runs: its id was ranked, and neither version shows it."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client

from cms.models import Post
from tests.versions.conftest import Version


def test_a_post_made_private_while_a_search_runs_is_neither_shown_nor_quoted(
    version: Version, make_post: Callable[..., Post]
) -> None:
    post, client = make_post(title="Zebra secrets"), Client()
    assert b"secrets" in version.send(client, "get", "/search?q=zebra").content
    hidden: list[int] = []

    def hide_after_ranking(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if "ranked" in sql and not hidden:
            hidden.append(Post.objects.filter(pk=post.pk).update(visibility="private"))
        return found

    with connection.execute_wrapper(hide_after_ranking):
        answer = version.send(client, "get", "/search?q=zebra&count=exact")
    assert (hidden, answer.status_code) == ([1], 200)
    assert b'"total":1' in answer.content.replace(b" ", b"")
    assert b"secrets" not in answer.content
