"""Two server processes over one database file, writing at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.databases import new_database, process_env
from tests.servers import manage, serve

WRITES = 200


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
