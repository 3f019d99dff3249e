"""What has to hold when the storm is over: nothing lost, nothing doubled, nothing half done. Each finding is a sentence."""

import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg

from scripts.staging_local.errors import StagingError
from tests.chaos.asking import Asker, Unanswered
from tests.chaos.ledger import NEVER, TITLE, Written, content_of, title_of
from tests.chaos.world import World
from tests.chaos.writing import TAGS

SETTLED_WITHIN_S: Final = 180.0
READERS: Final = 4
WAITING: Final = """
    SELECT (SELECT count(*) FROM cms_delivery WHERE status = 'pending')
         + (SELECT count(*) FROM cms_job WHERE status IN ('ready', 'running'))
"""
type Check = Callable[[World], Iterator[str]]


def _rows(world: World, query: str) -> list[tuple[Any, ...]]:
    with world.connect() as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def background_is_done(world: World) -> Iterator[str]:
    """Waits for it: what was in a killed worker's hand is free when its lease ends."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error):
            if not _rows(world, WAITING)[0][0]:
                break
        time.sleep(0.2)
    for table, sql in (("deliveries", "cms_delivery"), ("jobs", "cms_job")):
        done = "delivered" if table == "deliveries" else "successful"
        counted = dict(_rows(world, f"SELECT status, count(*) FROM {sql} GROUP BY status"))
        if set(counted) - {done}:
            yield f"not all {table} are {done}: {counted}"


# -- posts -----------------------------------------------------------------------------------------------------------------


def posts_are_stored_once(world: World) -> Iterator[str]:
    stored: dict[int, list[str]] = defaultdict(list)
    for id, title in _rows(world, "SELECT id, title FROM cms_post"):
        found = TITLE.fullmatch(title)
        stored[int(found[1]) if found else -1].append(str(id))
    for post in world.ledger.posts:
        ids = stored.get(post.number, [])
        if len(ids) > 1:
            yield f"{title_of(post.number, 1)} was written {len(ids)} times"
        if post.id and post.id not in ids:
            yield f"{title_of(post.number, 1)} was acknowledged and is not stored ({post.id})"


def posts_are_read_by_both_versions(world: World) -> Iterator[str]:
    posts = [post for post in world.ledger.posts if post.id]
    parts = [posts[number::READERS] for number in range(READERS)]
    with ThreadPoolExecutor(READERS) as pool:
        for sentences in pool.map(lambda part: _read(world, part), parts):
            yield from sentences


def _read(world: World, posts: list[Written]) -> list[str]:
    asker = Asker(world.stack.ports["nginx"])
    found: list[str] = []
    for post in posts:
        headers = {"X-API-Key": world.people.keys[post.author]}
        for door in ("/api/v1", "/api/v2", "/api"):
            try:
                answer = asker.ask("GET", f"{door}/posts/{post.id}", headers=headers)
            except Unanswered as error:
                return [*found, f"{door} gives no answer for the post {post.id}: {error}"]
            is_v1 = answer.headers.get("api-version") == "1"
            if answer.status == 404 and is_v1 and post.may_be_trashed:
                continue
            if answer.status != 200:
                found.append(f"{door} answers {answer.status} for the post {post.id}")
                continue
            found += _judge(post, answer.json["data"] if is_v1 else answer.json, door)
    asker.close()
    return found


def _judge(post: Written, told: dict[str, Any], door: str) -> Iterator[str]:
    title = TITLE.fullmatch(told["title"])
    if title is None or int(title[1]) != post.number or told["content"] != content_of(post.number, int(title[2])):
        yield f"{door} shows {told['title']!r} for the post {post.id} of {title_of(post.number, post.sent)}"
    elif not max(revision for _, revision in post.acked) <= int(title[2]) <= post.sent:
        yield f"{door} shows {told['title']!r}, and {post.acked[-1][1]} of {post.sent} was acknowledged last"
    expected = "trashed" if post.is_trashed else "published" if post.public_at < NEVER else ""
    if expected and told["status"] != expected:
        yield f"{door} shows the post {post.id} as {told['status']}, it is {expected}"


def counts_are_right(world: World) -> Iterator[str]:
    """By what was acknowledged; `check_content` holds them against the rows."""
    stored = dict(_rows(world, "SELECT name, usage_count FROM cms_tag"))
    for tag in TAGS:
        wearing = [post for post in world.ledger.posts if tag in post.tags]
        sure = sum(post.public_at < NEVER for post in wearing)
        unsure = sum(post.public_at == NEVER and post.hidden_at == NEVER for post in wearing)
        if not sure <= stored.get(tag, 0) <= sure + unsure:
            yield f"the tag {tag} counts {stored.get(tag, 0)} posts, and {sure} to {sure + unsure} are public"


# -- everything else -------------------------------------------------------------------------------------------------------


def uploads_are_stored_once(world: World) -> Iterator[str]:
    names = Counter(name for (name,) in _rows(world, "SELECT original_name FROM cms_mediafile"))
    yield from (f"the file {name} was stored {times} times" for name, times in names.items() if times > 1)
    stored = {str(id) for (id,) in _rows(world, "SELECT id FROM cms_mediafile")}
    yield from (f"the file {id} was acknowledged and is lost" for id in world.ledger.files if id not in stored)


def content_is_whole(world: World) -> Iterator[str]:
    yield from _complaint(world, "check_content", "--deep")


def event_chain_is_whole(world: World) -> Iterator[str]:
    yield from _complaint(world, "canary", "history", "--verify", "--limit", "1")
    events = dict(_rows(world, "SELECT version, (after->>'weight_bp')::int FROM canary_rolloutevent"))
    for version, weight_bp in world.ledger.rollouts:
        if events.get(version) != weight_bp:
            yield f"the rollout's change {version} to {weight_bp / 100:g} % was acknowledged and is not in its history"


def _complaint(world: World, *words: str) -> Iterator[str]:
    try:
        world.stack.manage(*words)
    except StagingError as error:
        yield str(error)[-2_000:]


def mails_are_sent_once(world: World) -> Iterator[str]:
    """Each registration has one job, and one mail for each of its attempts at most."""
    query = "SELECT args->>0, status, attempts FROM cms_job WHERE task_path LIKE '%send_email_verification'"
    jobs: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for user_id, status, attempts in _rows(world, query):
        jobs[user_id].append((status, attempts))
    logs = "".join(world.stack.processes.log(name).read_text(errors="replace") for name in ("worker", "worker-2"))
    mails = Counter(line[4:] for line in logs.splitlines() if line.startswith("To: "))
    for user_id, name in world.ledger.users.items():
        found, sent = jobs.get(user_id, []), mails[f"{name}@example.org"]
        if len(found) != 1:
            yield f"{name} has {len(found)} jobs for one mail"
        elif not 1 <= sent <= found[0][1]:
            yield f"{name} got {sent} mails by a job that was begun {found[0][1]} times"


def outbox_is_complete(world: World) -> Iterator[str]:
    received = world.receiver.ids
    queued = {str(id) for (id,) in _rows(world, "SELECT event_id FROM cms_delivery")}
    if lost := queued - {*received}:
        yield f"{len(lost)} events were never delivered: {sorted(lost)[:3]}"
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for request in [*world.receiver.requests]:
        ids[request.event["type"], request.event["object"]["id"]].add(request.id)
    for type, object_ids in _expected_events(world).items():
        for id in object_ids:
            if len(ids[type, id]) != 1:
                yield f"{type} of {id} was told by {len(ids[type, id])} events"


def _expected_events(world: World) -> dict[str, list[str]]:
    posts = [post for post in world.ledger.posts if post.id]
    return {
        "post.created": [post.id for post in posts],
        "post.published": [post.id for post in posts if post.public_at < NEVER],
        "post.trashed": [post.id for post in posts if post.is_trashed],
        "media.uploaded": [*world.ledger.files],
        "user.registered": [*world.ledger.users],
    }


def events_of_an_object_arrive_in_order(world: World) -> Iterator[str]:
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for request in [*world.receiver.requests]:
        told = request.event["object"]
        if request.id in seen or told["version"] is None:
            continue
        seen.add(request.id)
        if told["version"] < newest.get(told["id"], 0):
            yield f"version {told['version']} of {told['id']} was told after {newest[told['id']]}"
        newest[told["id"]] = told["version"]


CHECKS: Final[tuple[Check, ...]] = (
    background_is_done,
    posts_are_stored_once,
    posts_are_read_by_both_versions,
    counts_are_right,
    uploads_are_stored_once,
    content_is_whole,
    event_chain_is_whole,
    mails_are_sent_once,
    outbox_is_complete,
    events_of_an_object_arrive_in_order,
)
