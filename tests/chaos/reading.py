"""Clients that read posts by every path, as their author and as anybody, and hold each answer against the ledger."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.asking import Answer
from tests.chaos.ledger import LATE_PUBLIC_S, Written
from tests.chaos.load import Client
from tests.staging.site import PASSWORD

PATHS: Final = {"1": "/api/v1", "2": "/api/v2"}
READS_A_LOGIN: Final = 20
DOORS: Final = ("/api/v1", "/api/v2", "/api")


@dataclass
class Reader(Client):
    pause_s: float = 0.03

    def turn(self) -> None:
        looks: list[Callable[[], None]] = [self.as_author, self.as_anybody, self.as_anybody, self.look_at_list]
        self.rng.choice([*looks, self.look_at_file])()

    def as_author(self) -> None:
        """Never from a cache: what was acknowledged before the read shows."""
        post, door = self.ledger.pick(self.rng), self.rng.choice(DOORS)
        if post is None:
            return
        headers = {"X-API-Key": self.people.keys[post.author]}
        answer = self.ask("read", "GET", f"{door}/posts/{post.id}", headers=headers, expected={200, 404})
        if answer is not None and answer.status == 404 and (door == "/api/v2" or not post.may_be_trashed):
            self.ledger.accuse(f"the post {post.id} is not found by its author at {door}")
        if answer is not None and answer.status == 200:
            self._judge(answer, post, late_s=0)

    def as_anybody(self) -> None:
        post, door = self.ledger.pick(self.rng), self.rng.choice(DOORS)
        if post is None:
            return
        before = self.ledger.stands(post)
        headers = {"X-Client-Id": f"reader {self.rng.randrange(100)}"}
        answer = self.ask("read", "GET", f"{door}/posts/{post.id}", headers=headers, expected={200, 404})
        if answer is None:
            return
        self.ledger.judge_visibility(post, before, answer.status, answer.began_at)
        if answer.status == 200:
            self._judge(answer, post, late_s=LATE_PUBLIC_S)

    def _judge(self, answer: Answer, post: Written, *, late_s: float) -> None:
        told = self._told(answer)
        if told["id"] != post.id:
            self.ledger.accuse(f"the post {post.id} was asked for, and {told['id']} was answered")
        self.ledger.judge_text(told["id"], told["title"], told["content"], answer.began_at, late_s=late_s)

    def look_at_list(self) -> None:
        door = self.rng.choice(DOORS)
        headers = {"X-Client-Id": f"reader {self.rng.randrange(100)}"}
        answer = self.ask("read", "GET", f"{door}/posts?limit={self.rng.randint(1, 10)}", headers=headers)
        if answer is None:
            return
        told = self._told(answer)
        for item in told["items"] if isinstance(told, dict) and "items" in told else told["data"]:
            content = item.get("content")
            self.ledger.judge_text(item["id"], item["title"], content, answer.began_at, late_s=LATE_PUBLIC_S)

    def look_at_file(self) -> None:
        known = [*self.ledger.files.items()]
        if not known:
            return
        id, content = self.rng.choice(known)
        headers = {"X-API-Key": self.people.keys[0]}
        answer = self.ask("read", "GET", f"/api/v2/media/{id}/content", headers=headers)
        if answer is not None and answer.body != content:
            self.ledger.accuse(f"the file {id} shows other bytes than before")

    def _told(self, answer: Answer) -> Any:
        """The object, without v1's envelope."""
        version = answer.headers.get("api-version")
        if version not in PATHS:
            self.ledger.accuse(f"an answer of version {version!r}")
        return answer.json["data"] if version == "1" else answer.json


@dataclass
class Member(Client):
    """Signs in now and then, and is known to both versions by the token until the next time."""

    pause_s: float = 0.3
    token: str = ""
    asked: int = 0

    def turn(self) -> None:
        if self.asked % READS_A_LOGIN == 0:
            self.token = self._sign_in()
        self.asked += 1
        path = self.rng.choice(("/api/v1/auth/profile", "/api/v2/me"))
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.token:
            self.ask("read", "GET", path, headers=headers)

    def _sign_in(self) -> str:
        credentials = json.dumps({"email": self.people.emails[0], "password": PASSWORD}).encode()
        answer = self.persist(
            lambda: self.ask("write", "POST", "/api/v2/auth/token", credentials, {"Content-Type": "application/json"})
        )
        return str(answer.json["access_token"]) if answer is not None else ""
