"""Readers of the entrance who each have a name and insist on the version that answered them first.

docker compose -f docker-compose.staging.yml --profile load up locust, while nobody changes the weight.
"""

import uuid

from locust import HttpUser, between, task


class Reader(HttpUser):
    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        self.client.headers["X-Client-Id"] = f"load-{uuid.uuid4()}"
        self.version = self.client.get("/api", name="/api").headers.get("API-Version")

    @task(8)
    def read_posts(self) -> None:
        self._get("/api/posts?limit=20", "/api/posts")

    @task(2)
    def read_tags(self) -> None:
        self._get("/api/tags", "/api/tags")

    @task(1)
    def read_pinned(self) -> None:
        self.client.get("/api/v2/posts?limit=20", name="/api/v2/posts")

    def _get(self, path: str, name: str) -> None:
        with self.client.get(path, name=name, catch_response=True) as answer:
            version = answer.headers.get("API-Version")
            if answer.status_code == 200 and version != self.version:
                answer.failure(f"answered by v{version}, and by v{self.version} before")
