"""What a load test must find again: which version may answer whom, and what was acknowledged as written.

Stands alone beside the locustfile: Locust's own image runs both without the rest of the project.
"""

import itertools
from collections import Counter, defaultdict
from typing import Any


class Rollout:
    """What the weight is known to be: nothing without a ramp, else the step that holds."""

    def __init__(self, *, has_ramp: bool, is_rising: bool = False) -> None:
        self._has_ramp, self._is_rising = has_ramp, is_rising
        self.steps: list[tuple[float, float, float]] = []
        """When a change was asked for and when it was in force everywhere, and its percentage."""

    def may_answer(self, version: str, before: str, asked_at: float, answered_at: float, before_at: float) -> bool:
        """Whether `version` may answer who was answered by `before`, at the time when that was asked."""
        if not self._has_ramp:
            return version == before or not before or (self._is_rising and version == "2")
        holding = self._holding(asked_at, answered_at)
        if holding in (0, 100):
            return version == ("1" if holding == 0 else "2")
        has_fallen = any(
            percent < earlier and settled_at > before_at
            for (_, _, earlier), (_, settled_at, percent) in itertools.pairwise(self.steps)
        )
        return version == before or version == "2" or not before or has_fallen

    def _holding(self, since: float, until: float) -> float | None:
        """The percentage that all processes follow all the while; None if they may differ, and before the first is set."""
        begun = [step for step in self.steps if step[0] <= until]
        return begun[-1][2] if begun and begun[-1][1] <= since else None


class Ledger:
    """What was acknowledged: each must stand at the end, once."""

    def __init__(self) -> None:
        self.posts: dict[str, str] = {}
        self.published: set[str] = set()
        self.edits: dict[str, tuple[int, str]] = {}
        self.comments: dict[str, list[str]] = defaultdict(list)
        self.approved: set[str] = set()

    def clear(self) -> None:
        for kept in (self.posts, self.published, self.edits, self.comments, self.approved):
            kept.clear()  # type: ignore[attr-defined]

    def edited(self, post_id: str, version: int, text: str) -> None:
        """The last edit is the one with the highest version, in whatever order the answers came."""
        self.edits[post_id] = max(self.edits.get(post_id, (0, "")), (version, text))

    def counts(self) -> dict[str, int]:
        return {
            "posts": len(self.posts),
            "published": len(self.published),
            "edited": len(self.edits),
            "comments": sum(map(len, self.comments.values())),
            "approved": len(self.approved),
        }


class Auditor:
    """Reads back, when all is over, what was acknowledged."""

    def __init__(self, session: Any, host: str, run: str, ledger: Ledger) -> None:
        self.session, self.host, self.run, self.ledger = session, host, run, ledger

    def sign_in(self, email: str, password: str) -> None:
        credentials = {"email": email, "password": password}
        answer = self.session.post(f"{self.host}/api/v2/auth/token", json=credentials, timeout=60)
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def lost(self) -> list[str]:
        """A sentence for each write that doesn't stand as it was acknowledged, exactly once."""
        return [*self._posts(), *self._comments()]

    def _posts(self) -> list[str]:
        if not self.ledger.posts:
            return []
        query = f"/api/v2/posts?q={self.run}&status=draft,published&fields=id,title,status,excerpt,version&limit=100"
        found = [row for row in self._walk(query) if row["title"].startswith(f"Load {self.run} ")]
        by_title, by_id = Counter(row["title"] for row in found), {row["id"]: row for row in found}
        faults = []
        for post_id, title in self.ledger.posts.items():
            row = by_id.get(post_id)
            if row is None or by_title[title] != 1:
                faults.append(f"post {post_id} stands {by_title[title]} times")
            elif post_id in self.ledger.published and row["status"] != "published":
                faults.append(f"post {post_id} was published and is {row['status']}")
            elif post_id in self.ledger.edits and row["excerpt"] != self.ledger.edits[post_id][1]:
                faults.append(f"post {post_id} doesn't have the excerpt of its last edit")
        return faults

    def _comments(self) -> list[str]:
        faults, published = [], set()
        for post_id, texts in self.ledger.comments.items():
            rows = []
            for status in ("pending", "published"):
                rows += list(self._walk(f"/api/v2/comments?post={post_id}&status={status}&limit=100"))
            count = Counter(row["text"] for row in rows)
            published |= {row["id"] for row in rows if row["status"] == "published"}
            faults += [f"a comment on {post_id} stands {count[text]} times" for text in texts if count[text] != 1]
        return faults + [f"comment {pk} was approved and isn't published" for pk in self.ledger.approved - published]

    def _walk(self, path: str | None) -> Any:
        while path:
            answer = self.session.get(f"{self.host}{path}", timeout=60)
            answer.raise_for_status()
            body = answer.json()
            yield from body["data"]
            path = body["page"]["next"]
