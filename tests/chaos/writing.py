"""Clients that write: posts by both versions and the entrance, files, accounts, and changes of the rollout."""

import io
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import Image

from tests.chaos.asking import Answer
from tests.chaos.ledger import NEVER, TITLE, Written, content_of, title_of
from tests.chaos.load import Client
from tests.staging.site import PASSWORD

TAGS: Final = ("storm", "calm", "tide", "drift", "shore")
JSON: Final = {"Content-Type": "application/json"}
BOUNDARY: Final = "chaos-boundary"
LIVE_MAX: Final = 12
SENT_TWICE: Final = 0.2


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@dataclass
class Writer(Client):
    """Creates posts by `door`, and changes its own by either version. A creation has a key where the version knows keys."""

    door: str = "/api/v2"
    author: int = 0
    own: list[Written] = field(default_factory=list)

    @property
    def credentials(self) -> dict[str, str]:
        return {"X-API-Key": self.people.keys[self.author]}

    def turn(self) -> None:
        if len(self.own) < 3 or self.rng.random() < 0.4:
            self.create()
            return
        post = self.rng.choice(self.own)
        changes = [self.patch, self.patch, self.put]
        changes += [self.trash] if post.public_at < NEVER else [self.publish, self.publish]
        self.rng.choice(changes)(post)

    # -- creating --------------------------------------------------------------------------------------------------------

    def create(self) -> None:
        tags = self.rng.sample(TAGS, self.rng.randint(0, 2))
        post = self.ledger.begin(self.author, tags)
        body = encoded({"title": title_of(post.number, 1), "content": content_of(post.number, 1), "tags": tags})
        path, key = f"{self.door}/posts", self.new_key() if self.door == "/api/v2" else {}
        # Some are sent again after their answer, as by a client that has not got it.
        for _ in range(2 if key and self.rng.random() < SENT_TWICE else 1):
            if key:
                answer = self.repeat("write", path, body, self._with(key), 201)
            else:
                answer = self.ask("write", "POST", path, body, self._with({}), expected={201})
            if answer is None:
                return
            told = answer.json["data"] if answer.headers["api-version"] == "1" else answer.json
            self.ledger.acknowledge(post, told["id"], answer.ended_at)
        self.own = [*self.own, post][-LIVE_MAX:]

    def _with(self, more: dict[str, str]) -> dict[str, str]:
        return {**self.credentials, **JSON, **more}

    # -- changing --------------------------------------------------------------------------------------------------------

    def patch(self, post: Written) -> None:
        found = self.look(post)
        if found is None:
            return
        post.sent += 1
        body = encoded({"title": title_of(post.number, post.sent), "content": content_of(post.number, post.sent)})
        headers = self._with({"If-Match": found.headers["etag"]})
        answer = self.ask("write", "PATCH", f"/api/v2/posts/{post.id}", body, headers)
        self._note_change(post, answer)

    def put(self, post: Written) -> None:
        post.sent += 1
        body = encoded({"title": title_of(post.number, post.sent), "content": content_of(post.number, post.sent)})
        answer = self.ask("write", "PUT", f"/api/v1/posts/{post.id}", body, self._with({}))
        self._note_change(post, answer)

    def _note_change(self, post: Written, answer: Answer | None) -> None:
        """A change without an answer was made or not: a look at the post tells."""
        if answer is not None:
            post.acked.append((answer.ended_at, post.sent))
        elif (found := self.look(post)) is not None and (title := TITLE.fullmatch(found.json["title"])):
            post.acked.append((found.began_at, int(title[2])))

    def look(self, post: Written) -> Answer | None:
        path = f"/api/v2/posts/{post.id}"
        return self.persist(lambda: self.ask("read", "GET", path, headers=self.credentials))

    def publish(self, post: Written) -> None:
        path = f"/api/v2/posts/{post.id}/actions/publish"
        post.hidden_at = NEVER
        answer = self.repeat("write", path, b"{}", self._with(self.new_key()), 200)
        if answer is None:
            self.own.remove(post)
            return
        post.public_at = answer.ended_at

    def trash(self, post: Written) -> None:
        """Without a key: what became of a request without an answer is looked up.

        So is one that was refused because the post was in the trash already. nginx sends a DELETE to the other web
        process when the first one dies before it answers (RFC 9110 §9.2.2), and the dead one may have done it.
        """
        post.public_at, post.may_be_trashed = NEVER, True
        self.own.remove(post)
        path = f"/api/v2/posts/{post.id}"
        answer = self.ask("write", "DELETE", path, headers=self.credentials, expected={204, 409})
        if answer is not None and answer.status == 409 and not self.judge.may_be_a_repeat("write", answer):
            self.ledger.accuse(f"DELETE {path} was refused: {answer.body[:200]!r}")
        if answer is None or answer.status == 409:
            found = self.look(post)
            if found is None or found.json["status"] != "trashed":
                return
        post.hidden_at, post.is_trashed = time.monotonic(), True


@dataclass
class Uploader(Client):
    """Uploads a text or a picture, and looks at it; a picture's bytes are not those that were sent."""

    author: int = 0

    def turn(self) -> None:
        number = self.rng.randrange(10**9)
        is_picture = self.rng.random() < 0.4
        content = self._picture() if is_picture else f"File {number}. ".encode() * self.rng.randint(50, 3_000)
        name = f"{number}.png" if is_picture else f"{number}.txt"
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        credentials = {"X-API-Key": self.people.keys[self.author]}
        headers = {**credentials, **self.new_key(), "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = self.repeat("upload", "/api/v2/media", body, headers, 201)
        if answer is None:
            return
        path = f"/api/v2/media/{answer.json['id']}"
        found = self.persist(lambda: self.ask("read", "GET", f"{path}/content", headers=credentials))
        if found is None:
            self.ledger.accuse(f"the content of {path} was not found")
            return
        if not is_picture and found.body != content:
            self.ledger.accuse(f"{path} has other bytes than were uploaded")
        self.ledger.files[answer.json["id"]] = found.body
        if is_picture:
            self.ask("upload", "GET", f"{path}/renditions/width-320", headers=credentials)

    def _picture(self) -> bytes:
        target = io.BytesIO()
        Image.new("RGB", (400, 300), tuple(self.rng.randrange(256) for _ in range(3))).save(target, "PNG")
        return target.getvalue()


@dataclass
class Newcomers(Client):
    """People who register: each gets one mail, by a job."""

    pause_s: float = 1.5

    def turn(self) -> None:
        name = f"newcomer_{self.rng.randrange(10**9)}"
        body = encoded({"username": name, "email": f"{name}@example.org", "password": PASSWORD})
        answer = self.repeat("write", "/api/v2/users", body, {**JSON, **self.new_key()}, 201)
        if answer is not None:
            self.ledger.users[answer.json["id"]] = name


@dataclass
class Operator(Client):
    """Changes the weight now and then. A latched rollback, as after crashes, is acknowledged first."""

    pause_s: float = 2.0

    def turn(self) -> None:
        headers = {"X-API-Key": self.people.operator_key}
        found = self.ask("operate", "GET", "/canary/api/status", headers=headers)
        if found is None:
            return
        status = found.json
        verb = "ack" if status["latched"] else "set"
        body: dict[str, Any] = {"reason": "chaos", "expected_version": status["version"]}
        if verb == "set":
            body["percent"] = self.rng.choice((30, 40, 50, 60))
        answer = self.ask(
            "operate", "POST", f"/canary/api/{verb}", encoded(body), {**headers, **JSON}, expected={200, 409}
        )
        if answer is not None and answer.status == 200:
            told = answer.json
            self.ledger.rollouts.append((told["version"], told["weight_bp"]))
