"""What was written and acknowledged, and what a read may therefore show. Knows nothing of HTTP.

A text tells which post and which revision it belongs to, so a wrong one is noticed wherever it turns up.
"""

import random
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

LATE_PUBLIC_S: Final = 10.5
"""How old the body of an anonymous read may be after a process died between its commit and the telling (ADR 13)."""
TITLE: Final = re.compile(r"Chaos (\d+) as of (\d+)")
WORDS: Final = (
    *("storm", "calm", "river", "stone", "lamp", "paper", "cloud"),
    *("field", "harbour", "winter", "engine", "letter", "bridge", "garden"),
)
NEVER: Final = float("inf")


def title_of(number: int, revision: int) -> str:
    return f"Chaos {number} as of {revision}"


def content_of(number: int, revision: int) -> str:
    rng = random.Random(number * 1_000 + revision)
    return f"{title_of(number, revision)}. {' '.join(rng.choices(WORDS, k=40))}."


@dataclass
class Written:
    """A post from the moment on at which its creation is sent. Only its writer changes it."""

    number: int
    author: int
    tags: tuple[str, ...]
    id: str = ""
    """Empty until the creation is acknowledged."""
    sent: int = 1
    """The newest revision that was ever sent."""
    acked: list[tuple[float, int]] = field(default_factory=list)
    """When which revision was acknowledged."""
    public_at: float = NEVER
    """Since when it is public for sure."""
    hidden_at: float = 0.0
    """Since when it is hidden for sure."""
    may_be_trashed: bool = False
    is_trashed: bool = False


@dataclass
class Ledger:
    posts: list[Written] = field(default_factory=list)
    by_id: dict[str, Written] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """The content of each acknowledged upload, by its id."""
    users: dict[str, str] = field(default_factory=dict)
    """The name of each acknowledged registration, by its id."""
    rollouts: list[tuple[int, int]] = field(default_factory=list)
    """Version and weight in basis points of each acknowledged change."""
    wrong: list[str] = field(default_factory=list)
    """What may never be: each is a sentence."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def begin(self, author: int, tags: Iterable[str]) -> Written:
        with self._lock:
            post = Written(len(self.posts), author, tuple(tags))
            self.posts.append(post)
        return post

    def acknowledge(self, post: Written, id: str, at: float) -> None:
        with self._lock:
            if id in self.by_id and self.by_id[id] is not post:
                self.accuse(f"{title_of(post.number, 1)} was acknowledged with the id of another post, {id}")
            if post.id not in ("", id):
                self.accuse(f"{title_of(post.number, 1)} was acknowledged with two ids, {post.id} and {id}")
            post.id, self.by_id[id] = id, post
            post.acked.append((at, 1))

    def accuse(self, sentence: str) -> None:
        with self._lock:
            self.wrong.append(sentence)

    def pick(self, rng: random.Random) -> Written | None:
        """An acknowledged post, one of the newest as often as any other."""
        with self._lock:
            known = [*self.by_id.values()]
        if not known:
            return None
        return rng.choice(known[-20:] if rng.random() < 0.5 else known)

    # -- what a read shows ---------------------------------------------------------------------------------------------

    def judge_text(self, id: str, title: str, content: str | None, began_at: float, *, late_s: float = 0.0) -> None:
        """A read of this post that began then, and may show what was so `late_s` before."""
        found = TITLE.fullmatch(title)
        post = self.by_id.get(id)
        if found is None or (post is not None and int(found[1]) != post.number):
            self.accuse(f"the post {id} shows the title {title!r}")
            return
        number, revision = int(found[1]), int(found[2])
        if content is not None and content != content_of(number, revision):
            self.accuse(f"{title!r} shows another content: {content[:80]!r}")
        if post is None:  # acknowledged to nobody yet
            return
        if revision > post.sent:
            self.accuse(f"{title!r} was never sent")
        least = max((known for at, known in [*post.acked] if at < began_at - late_s), default=0)
        if revision < least:
            self.accuse(f"{title!r} is shown though revision {least} was acknowledged before the read")

    @staticmethod
    def stands(post: Written) -> tuple[float, float]:
        """Since when it is public and hidden for sure; taken before a read and handed to `judge_visibility` after it."""
        return post.public_at, post.hidden_at

    def judge_visibility(self, post: Written, before: tuple[float, float], status: int, began_at: float) -> None:
        """An anonymous read that was answered 200 or 404."""
        if self.stands(post) != before:  # it was on its way from the one to the other
            return
        public_at, hidden_at = before
        if status == 404 and public_at < began_at:
            self.accuse(f"{title_of(post.number, post.sent)} is public and not found ({post.id})")
        if status == 200 and hidden_at < began_at - LATE_PUBLIC_S:
            self.accuse(f"{title_of(post.number, post.sent)} is hidden and shown ({post.id})")
