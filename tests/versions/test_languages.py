"""Neither version follows the languages of its clients: their answers are in English, byte for byte."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.users import update_user
from tests.versions.conftest import Version, with_token

OF_THE_LANGUAGE = ("Allow", "Content-Language", "Content-Length", "Content-Type", "Vary", "WWW-Authenticate")
REQUESTS: list[tuple[str, str, Any]] = [
    ("get", "/posts", None),
    ("get", "/posts/nothing", None),
    ("get", "/posts?status=wrong&page=x&limit=x", None),
    ("post", "/posts", {"title": "", "content": 1}),
    ("post", "/tags", {"name": ""}),
    ("delete", "/posts", None),
]


def test_answers_are_the_same_in_every_language(version: Version, mia: User, make_post: Callable[..., Post]) -> None:
    make_post(title="Anything")
    token = version.sign_in(mia)["access_token"]
    update_user(actor=SYSTEM, user=mia, changes={"language": "ja"}, now=mia.updated_at)
    plain, asking = with_token(token), with_token(token)
    asking.defaults |= {"HTTP_ACCEPT_LANGUAGE": "ja", "HTTP_COOKIE": "django_language=ja"}
    for verb, path, body in REQUESTS:
        answers = [_kept(version.send(client, verb, path, body)) for client in (asking, plain)]
        assert answers[0] == answers[1], path


def test_a_session_of_the_admin_site_in_japanese_changes_nothing(
    version: Version, mia: User, make_post: Callable[..., Post]
) -> None:
    make_post(title="Anything")
    client = Client()
    client.force_login(mia)
    paths = ("/posts", "/posts/nothing", "/posts?limit=x")
    before = [_kept(version.send(client, "get", path)) for path in paths]
    update_user(actor=SYSTEM, user=mia, changes={"language": "ja"}, now=mia.updated_at)
    assert 'lang="ja"' in client.get("/admin/profile/").content.decode()  # it leaves nothing behind
    assert [_kept(version.send(client, "get", path)) for path in paths] == before


def _kept(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: answer.headers.get(name, "") for name in OF_THE_LANGUAGE}
    own = answer.headers.get("X-Request-Id", "").encode() or b"\0"
    return answer.status_code, answer.content.replace(own, b""), headers
