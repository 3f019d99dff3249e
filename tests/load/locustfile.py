"""People who use the site at once, each of whom knows which version answers and what became of what was written.

    locust -f tests/load/locustfile.py --host http://127.0.0.1:8000

Anonymous readers need nothing. Commenters, authors, editors and the operator come where these variables say who they are:

    LOAD_COMMENTERS, LOAD_AUTHORS, LOAD_EDITORS   e-mail addresses of users with that role, separated by commas
    LOAD_PASSWORD                                 the one password of all of them
    LOAD_OPERATOR, LOAD_OPERATOR_PASSWORD         an admin, who drives the ramp and reads back what was written
    LOAD_RAMP                                     the ramp in percent, such as 0,10,50,100,0
    LOAD_STEP_S                                   how long each of its steps lasts (20)
    LOAD_WEIGHT                                   without a ramp: fixed (nobody changes it) or rising
    LOAD_HOSTS                                    several addresses of one site, asked by turns, in the place of --host
    LOAD_RESULT                                   a file for versions by second, the ramp and the writes, as JSON

`Author --tags write` after the file's name has one kind of person only, and of what they do only the writes. With a ramp the
run ends when its last step has lasted as long as the others, if `--run-time` doesn't end it before.

The run fails on an unexpected status, on a version that changes where it may not, and on a write that was acknowledged and
doesn't stand exactly once. With `ledger.py` this file stands alone: Locust's own image runs it without the rest of the project.
"""

import itertools
import json
import os
import random
import sys
import time
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from ledger import Auditor, Ledger, Rollout  # type: ignore[import-not-found]  # its folder is on Locust's path
from locust import HttpUser, between, constant, events, tag, task

RUN = uuid.uuid4().hex[:10]
SETTLES_S = 3
"""Until every process follows a change of the weight; what is asked meanwhile may be answered by either version."""
ATTEMPTS = 5
WORDS = ("quiet", "maps", "gardens", "coastal", "letters")
ROLES = ("COMMENTERS", "AUTHORS", "EDITORS")


class Given:
    """What the environment says; a sentence in `fault` where it can't be used."""

    def __init__(self, environ: Any) -> None:
        get = lambda name, default="": environ.get(f"LOAD_{name}", default).strip()  # noqa: E731
        self.people = {role: [one.strip() for one in get(role).split(",") if one.strip()] for role in ROLES}
        self.password, self.operator = get("PASSWORD"), get("OPERATOR")
        self.operator_password = get("OPERATOR_PASSWORD") or self.password
        self.hosts = [one.strip().rstrip("/") for one in get("HOSTS").split(",") if one.strip()]
        self.weight, self.result = get("WEIGHT", "fixed"), get("RESULT")
        self.ramp_text, self.step_text = get("RAMP"), get("STEP_S", "20")
        self.ramp: list[float] = []
        self.step_s = 0.0
        self.fault = self._fault()

    def _fault(self) -> str:
        try:
            self.ramp = [float(one) for one in self.ramp_text.split(",")] if self.ramp_text else []
            self.step_s = float(self.step_text)
        except ValueError:
            return "LOAD_RAMP takes percentages separated by commas, LOAD_STEP_S a number of seconds."
        written = any(self.people.values())
        faults = {
            "LOAD_RAMP takes percentages from 0 to 100.": any(not 0 <= one <= 100 for one in self.ramp),
            f"LOAD_STEP_S must be more than {SETTLES_S}.": self.step_s <= SETTLES_S,
            "LOAD_WEIGHT is fixed or rising.": self.weight not in ("fixed", "rising"),
            "LOAD_PASSWORD is missing: the people of LOAD_COMMENTERS, LOAD_AUTHORS and LOAD_EDITORS sign in with it.": (
                written and not self.password
            ),
            "LOAD_RAMP needs LOAD_OPERATOR and LOAD_OPERATOR_PASSWORD, an admin.": bool(self.ramp)
            and not self.operator,
            "LOAD_OPERATOR_PASSWORD is missing.": bool(self.operator) and not self.operator_password,
            "Writers need LOAD_OPERATOR: an admin reads back at the end what they wrote.": written
            and not self.operator,
        }
        return next((sentence for sentence, is_so in faults.items() if is_so), "")


GIVEN = Given(os.environ)


# What was just listed is there. On a site that others edit as well it may be gone by now: there nobody is made an operator.
LISTED = (200,) if GIVEN.operator else (200, 404)
ROLLOUT = Rollout(has_ramp=bool(GIVEN.ramp), is_rising=GIVEN.weight == "rising")
LEDGER = Ledger()
SHARES: dict[int, Counter[str]] = defaultdict(Counter)
_turns = itertools.count()
_accounts = {role: itertools.cycle(people) for role, people in GIVEN.people.items() if people}


class Person(HttpUser):
    """Keeps a connection and cookies, asks the site's addresses by turns, and watches who answers at the entrance."""

    abstract = True
    wait_time = between(0.3, 1.5)
    version = ""
    asked_at = 0.0

    def on_start(self) -> None:
        self.become(f"load-{RUN}-{uuid.uuid4().hex[:12]}", "")

    def become(self, client_id: str, token: str) -> None:
        """Another identity, which may be on the other version."""
        self.version, self.asked_at = "", 0.0
        bearer = f"Bearer {token}" if token else ""
        for name, value in {"X-Client-Id": client_id, "Authorization": bearer}.items():
            self.client.headers.pop(name, None)
            if value:
                self.client.headers[name] = value

    def ask(self, method: str, path: str, name: str = "", expected: tuple[int, ...] = (200,), **more: Any) -> Any:
        """The answer, also an unexpected one, which is counted as a failure."""
        host = GIVEN.hosts[next(_turns) % len(GIVEN.hosts)] if GIVEN.hosts else ""
        asked_at = time.time()
        with self.client.request(method, f"{host}{path}", name=name or path, catch_response=True, **more) as answer:
            version = answer.headers.get("API-Version", "")
            is_entrance = path.startswith("/api") and not path.startswith(("/api/v1", "/api/v2"))
            if answer.status_code not in expected:
                answer.failure(f"unexpected status {answer.status_code}: {(answer.text or '')[:200]}")
            elif is_entrance and not ROLLOUT.may_answer(version, self.version, asked_at, time.time(), self.asked_at):
                answer.failure(f"version flip: answered by v{version}, and by v{self.version or '?'} before")
            else:
                answer.success()
            if is_entrance and answer.status_code in expected:
                SHARES[int(asked_at)][version] += 1
                self.version, self.asked_at = version, asked_at
            return answer

    def rows(self, answer: Any) -> list[dict[str, Any]]:
        """Of a list in the words of either version."""
        if answer.status_code != 200:
            return []
        body = answer.json()
        return list(body["data"]["items"] if answer.headers.get("API-Version") == "1" else body["data"])

    def pick_post(self) -> str:
        rows = self.rows(self.ask("GET", "/api/posts?limit=20", "/api/posts"))
        return str(random.choice(rows)["id"]) if rows else ""


class Reader(Person):
    """Looks through the list, opens what looks good, follows a tag, searches."""

    weight = 8

    @task(6)
    def read(self) -> None:
        rows = self.rows(self.ask("GET", "/api/posts?limit=20", "/api/posts"))
        for row in random.sample(rows, min(len(rows), 2)):
            self.wait()
            self.ask("GET", f"/api/posts/{row['id']}", "/api/posts/ID", LISTED)
        if rows:
            self.ask("GET", f"/api/posts/{rows[0]['id']}/comments", "/api/posts/ID/comments", LISTED)

    @tag("browse")
    @task(2)
    def browse_tags(self) -> None:
        if rows := self.rows(self.ask("GET", "/api/tags")):
            self.ask("GET", f"/api/posts?tag={random.choice(rows)['slug']}", "/api/posts?tag=SLUG")

    @task(1)
    def search(self) -> None:
        self.ask("GET", f"/api/search?q={random.choice(WORDS)}", "/api/search?q=WORD")

    @task(1)
    def come_back(self) -> None:
        """What hasn't changed isn't sent again."""
        tag = self.ask("GET", "/api/v2/posts?limit=20", "/api/v2/posts").headers.get("ETag", "")
        self.wait()
        self.ask("GET", "/api/v2/posts?limit=20", "/api/v2/posts", (200, 304), headers={"If-None-Match": tag})


class Member(Person):
    """Has an account, signs in by either version, and renews the tokens now and then, as after a pause."""

    abstract = True
    role = ""
    refresh_token = ""

    def on_start(self) -> None:
        self.sign_in(next(_accounts[self.role]), GIVEN.password)

    def sign_in(self, email: str, password: str) -> None:
        credentials = {"email": email, "password": password}
        if random.random() < 0.5:
            answer = self.ask("POST", "/api/v1/auth/login", json=credentials)
            body = answer.json().get("data") or {}
        else:
            answer = self.ask("POST", "/api/v2/auth/token", json=credentials)
            body = answer.json()
        if answer.status_code != 200:
            print(f"{email} can't sign in: {answer.status_code} {answer.text[:200]}", file=sys.stderr)
            self.stop(force=True)
            return
        self._keep(body)

    def _keep(self, body: dict[str, Any]) -> None:
        tokens = body.get("tokens", body)
        self.refresh_token = tokens["refresh_token"]
        version, asked_at = self.version, self.asked_at
        self.become("", tokens["access_token"])
        self.version, self.asked_at = version, asked_at


class Writer(Member):
    abstract = True

    @task(1)
    def renew(self) -> None:
        body = {"refresh_token": self.refresh_token}
        answer = self.ask("POST", "/api/v2/auth/token/refresh", json=body, headers={"Authorization": None})
        if answer.status_code == 200:
            self._keep(answer.json())

    @task(6)
    def read(self) -> None:
        if post_id := self.pick_post():
            self.ask("GET", f"/api/posts/{post_id}", "/api/posts/ID", LISTED)

    def write(self, method: str, path: str, name: str, expected: tuple[int, ...], **more: Any) -> Any:
        """With a key under which it is done once, however often it is sent."""
        return self.ask(method, path, name, expected, headers={"Idempotency-Key": uuid.uuid4().hex}, **more)


class Commenter(Writer):
    weight = 2 if "COMMENTERS" in _accounts else 0
    abstract = not weight
    role = "COMMENTERS"

    @tag("write")
    @task(3)
    def comment(self) -> None:
        post_id, text = self.pick_post(), f"Load {RUN} {uuid.uuid4().hex}"
        if not post_id:
            return
        path = f"/api/v2/posts/{post_id}/comments"
        answer = self.write("POST", path, "/api/v2/posts/ID/comments", (201,), json={"text": text})
        if answer.status_code == 201:
            LEDGER.comments[post_id].append(text)


class Author(Writer):
    weight = 2 if "AUTHORS" in _accounts else 0
    abstract = not weight
    role = "AUTHORS"

    @tag("write")
    @task(2)
    def write_post(self) -> None:
        """At the entrance, in words that both versions understand; published by v2 a little later."""
        title = f"Load {RUN} {uuid.uuid4().hex}"
        body = {"title": title, "content": f"Written by *{self.role.lower()}*.\n" * 20, "tags": ["load"]}
        answer = self.write("POST", "/api/posts", "/api/posts", (201,), json=body)
        if answer.status_code != 201:
            return
        found = answer.json()
        post_id = str(found["data"]["id"] if answer.headers.get("API-Version") == "1" else found["id"])
        LEDGER.posts[post_id] = title
        self.wait()
        path = f"/api/v2/posts/{post_id}/actions/publish"
        if self.write("POST", path, "/api/v2/posts/ID/actions/publish", (200,), json={}).status_code == 200:
            LEDGER.published.add(post_id)


class Editor(Writer):
    weight = 1 if "EDITORS" in _accounts else 0
    abstract = not weight
    role = "EDITORS"

    @tag("write")
    @task(2)
    def edit(self) -> None:
        """Against the state that was read; whoever was faster makes the other read again."""
        if not LEDGER.published:
            return
        post_id = random.choice([*LEDGER.published])
        path, name = f"/api/v2/posts/{post_id}", "/api/v2/posts/ID"
        for _ in range(ATTEMPTS):
            tag = self.ask("GET", path, name).headers.get("ETag", "")
            self.wait()
            text = f"Edited {RUN} {uuid.uuid4().hex}"
            headers = {"If-Match": tag, "Content-Type": "application/merge-patch+json"}
            answer = self.ask("PATCH", path, name, (200, 412), data=json.dumps({"excerpt": text}), headers=headers)
            if answer.status_code == 200:
                LEDGER.edited(post_id, answer.json()["version"], text)
            if answer.status_code != 412:
                return

    @tag("write")
    @task(2)
    def moderate(self) -> None:
        waiting = self.rows(self.ask("GET", "/api/v2/comments?status=pending&limit=20", "/api/v2/comments"))
        ours = [one["id"] for one in waiting if one["text"].startswith(f"Load {RUN} ")]
        if ours:
            path = f"/api/v2/comments/{random.choice(ours)}/actions/approve"
            # Another editor may have been faster.
            answer = self.write("POST", path, "/api/v2/comments/ID/actions/approve", (200, 409), json={})
            if answer.status_code == 200:
                LEDGER.approved.add(answer.json()["id"])


class Operator(Member):
    """Drives the ramp through the control API, while all the others go on."""

    fixed_count = 1 if GIVEN.ramp else 0
    abstract = not GIVEN.ramp
    wait_time = constant(0.5)
    done = 0
    next_at = 0.0

    def on_start(self) -> None:
        """Signs in with each step: one may last longer than a token."""

    @task
    def drive(self) -> None:
        if time.time() < self.next_at:
            return
        if self.done == len(GIVEN.ramp):
            self.next_at = float("inf")
            gevent.spawn(self.environment.runner.quit)  # which waits for all people, this one too
            return
        self.sign_in(GIVEN.operator, GIVEN.operator_password)
        percent = GIVEN.ramp[self.done]
        version = self.ask("GET", "/canary/api/status").json()["version"]
        body = {"percent": percent, "reason": f"load test {RUN}", "expected_version": version}
        asked_at = time.time()
        # From here on either version may answer, until the change is in force everywhere.
        ROLLOUT.steps.append((asked_at, float("inf"), percent))
        is_back = percent == 0 and self.done > 0
        verb, sent = ("rollback", {"reason": body["reason"]}) if is_back else ("set", body)
        answer = self.ask("POST", f"/canary/api/{verb}", json=sent)
        if answer.status_code == 200:
            settled_at = time.time() + SETTLES_S
            ROLLOUT.steps[-1] = (asked_at, settled_at, percent)
        self.done, self.next_at = self.done + 1, asked_at + GIVEN.step_s


def _refuse_what_cannot_work(environment: Any, **_: Any) -> None:
    if environment.runner.__class__.__name__ in ("MasterRunner", "WorkerRunner") and any(GIVEN.people.values()):
        GIVEN.fault = "Writers and ramps need one process: what one of them saw another doesn't know."
    if GIVEN.fault:
        print(f"locustfile: {GIVEN.fault}", file=sys.stderr)
        os._exit(2)


def _begin(**_: Any) -> None:
    ROLLOUT.steps.clear()
    LEDGER.clear()
    SHARES.clear()


def _read_back(environment: Any, **_: Any) -> None:
    """Faults are failures of a request named as what it is, so that every report and the exit code have them."""
    faults = []
    if GIVEN.operator:
        import requests  # noqa: PLC0415 - Locust has patched it by now

        host = GIVEN.hosts[0] if GIVEN.hosts else str(environment.host or Person.host).rstrip("/")
        try:
            with requests.Session() as session:
                auditor = Auditor(session, host, RUN, LEDGER)
                auditor.sign_in(GIVEN.operator, GIVEN.operator_password)
                faults = auditor.lost()
        except requests.RequestException as error:
            faults = [f"what was written couldn't be read back: {error}"]
        if GIVEN.ramp and len(ROLLOUT.steps) < len(GIVEN.ramp):
            faults.append(f"the run was over after {len(ROLLOUT.steps)} of {len(GIVEN.ramp)} steps of the ramp")
        for fault in faults:
            environment.events.request.fire(
                request_type="CHECK", name="read back", response_time=0, response_length=0, exception=AssertionError(fault),
                context={}, response=None,
            )  # fmt: skip
        print(f"Read back: {LEDGER.counts()}, {len(faults)} faults.", *faults[:20], sep="\n  ", file=sys.stderr)
    if GIVEN.result:
        Path(GIVEN.result).write_text(
            json.dumps(
                {
                    "versions": {second: dict(seen) for second, seen in sorted(SHARES.items())},
                    "steps": ROLLOUT.steps,
                    "written": LEDGER.counts(),
                    "faults": faults,
                }
            )
        )


events.init.add_listener(_refuse_what_cannot_work)
events.test_start.add_listener(_begin)
events.test_stop.add_listener(_read_back)
