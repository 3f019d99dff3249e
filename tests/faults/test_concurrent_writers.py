"""Two server processes over one database, writing at once."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.databases import copied_database, new_database, process_env
from tests.servers import manage, serve
from tests.session import ENGINES

WRITES = 200
POSTS, TAGS, TAGS_A_DAY = 20, 45, 200


@pytest.mark.slow
def test_none_of_200_concurrent_writes_through_two_processes_fails(tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path) as url:
        env = process_env(url)
        assert manage("migrate", env=env).returncode == 0
        with serve(env, threads=8) as first, serve(env, threads=8) as second:
            bases = [first.base_url, second.base_url]
            credentials = {"email": "author@example.com", "password": "tandem-demo-2026"}
            token = httpx.post(f"{bases[0]}/api/v2/auth/token", json=credentials, timeout=60).json()["access_token"]
            with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:

                def write(number: int) -> int:
                    # The same title and a shared tag: every writer wants the same slug and the same rows.
                    body = {"title": "Written at once", "content": "x", "tags": ["shared", f"tag {number % 7}"]}
                    version = "v1" if number % 2 else "v2"
                    return http.post(f"{bases[number // 2 % 2]}/api/{version}/posts", json=body).status_code

                with ThreadPoolExecutor(16) as pool:
                    statuses = Counter(pool.map(write, range(WRITES)))
            assert statuses == {201: WRITES}
        count = "from cms.models import Post; print(Post.objects.filter(slug__startswith='written-at-once').count())"
        assert manage("shell", "-c", count, env=env).stdout.splitlines()[-1] == str(WRITES)


def test_posts_through_two_processes_make_no_more_new_tags_at_once_than_one_by_one(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    redis_url = ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master"))
    if not redis_url:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    with copied_database(template_of("postgresql"), tmp_path) as url:
        env = process_env(url, REDIS_URL=redis_url, RATE_LIMIT_CREDENTIAL="0")
        create = ("users", "create", "--username", "mia", "--email", "mia@example.org", "--role", "author")
        assert manage(*create, "--password-stdin", env=env, input=PASSWORD).returncode == 0
        with serve(env, threads=POSTS) as first, serve(env, threads=POSTS) as second:
            bases = [first.base_url, second.base_url]
            credentials = {"email": "mia@example.org", "password": PASSWORD}
            token = httpx.post(f"{bases[0]}/api/v2/auth/token", json=credentials, timeout=60).json()["access_token"]
            with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:

                def name_tags(number: int, base: str) -> int:
                    tags = [f"tag {number} {n}" for n in range(TAGS)]
                    body = {"title": "Written at once", "content": "x", "tags": tags}
                    return http.post(f"{base}/api/v2/posts", json=body).status_code

                assert name_tags(0, bases[0]) == 201
                with ThreadPoolExecutor(POSTS) as pool:
                    statuses = Counter(pool.map(partial(name_tags, base=bases[1]), range(1, POSTS)))
                assert name_tags(POSTS, bases[0]) == 429  # which knows nothing of what the other one has let pass
        passed = -(-TAGS_A_DAY // TAGS)  # the last one may go beyond
        assert statuses == {201: passed - 1, 429: POSTS - passed}
        count = "from cms.models import Tag; print(Tag.objects.count())"
        assert manage("shell", "-c", count, env=env).stdout.splitlines()[-1] == str(passed * TAGS)
