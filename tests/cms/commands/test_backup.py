"""`backup` and `restore` as somebody types them, on both engines: byte-equal afterwards, or refused with nothing changed."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.buckets import Bucket, Folder, ObjectStore
from tests.cms.commands.typed import PATH, file_of, last_line, refusal, run
from tests.databases import copied_database, new_database, process_env
from tests.servers import ROOT, clean_environment, free_port, manage, serve
from tests.session import ENGINES
from tests.slow import slow

SAMPLES = 100
SAMPLE = """
import json
from django.utils import timezone
from cms.models import Post
posts = list(Post.objects.public(timezone.now()).order_by("slug").values_list("pk", "slug"))
print(json.dumps([[str(pk), slug] for pk, slug in posts[:: len(posts) // 100][:100]]))
"""


@pytest.fixture(scope="module", params=[slow("sqlite"), "postgresql"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with the demo content, of which each test gets a copy."""
    with new_database(request.param, tmp_path_factory.mktemp("template")) as url:
        run("migrate", env=process_env(url))
        yield url


@pytest.fixture
def seeded(template: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A process's environment on a copy of the template; PostgreSQL's programs are on its PATH."""
    with copied_database(template, tmp_path) as url:
        yield process_env(url, PATH=PATH, MEDIA_ROOT=str(tmp_path / "media"))


@pytest.fixture(scope="module")
def backup_of_template(template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("backup") / "site.backup"
    run("backup", str(target), env=process_env(template, PATH=PATH, MEDIA_ROOT=str(target.parent / "media")))
    return target


@pytest.fixture
def backup(backup_of_template: Path, seeded: dict[str, str], tmp_path: Path) -> Path:
    """A backup of what `seeded` holds, to do with as one likes."""
    return Path(shutil.copy(backup_of_template, tmp_path / "site.backup"))


def wait_until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


def at_server(statement: str, *names: str) -> None:
    with psycopg.connect(ENGINES.database_url or "", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


def execute(env: dict[str, str], *statements: str) -> list[Any]:
    """The first column of the first row that each statement gives."""
    url = env["DATABASE_URL"]
    connect: Any = sqlite3.connect(file_of(url)) if url.startswith("sqlite") else psycopg.connect(url)
    with closing(connect) as connection, connection:
        results = [connection.execute(statement) for statement in statements]
        return [result.fetchone()[0] if result.description else None for result in results]


def counts(env: dict[str, str]) -> list[int]:
    """Rows of users, posts and audit events."""
    return execute(env, *(f"SELECT count(*) FROM {table}" for table in ("cms_user", "cms_post", "cms_auditevent")))


def drop_database(env: dict[str, str]) -> None:
    url = env["DATABASE_URL"]
    if not url.startswith("sqlite"):
        at_server("DROP DATABASE {} WITH (FORCE)", name_of(url))
        return
    for path in file_of(url).parent.glob("db.sqlite3*"):
        path.unlink()


def answers(env: dict[str, str]) -> dict[str, bytes]:
    """What both versions answer for the sampled posts and the first pages, by path."""
    sampled = json.loads(run("shell", "--verbosity", "0", "-c", SAMPLE, env=env).splitlines()[-1])
    assert len(sampled) == SAMPLES
    paths = [f"/api/v1/posts/{pk}" for pk, _ in sampled] + [f"/api/v2/posts/{slug}" for _, slug in sampled]
    paths += ["/api/v1/posts", "/api/v2/posts", "/api/v1/tags", "/api/v2/tags", "/api/v2/categories"]
    with serve(env) as server, httpx.Client(base_url=server.base_url, timeout=60) as client:
        return {path: client.get(path).raise_for_status().content for path in paths}


@pytest.mark.slow
def test_a_dropped_database_comes_back_with_byte_equal_answers(seeded: dict[str, str], tmp_path: Path) -> None:
    run("seed", "--posts", "300", env=seeded)
    before, rows = answers(seeded), counts(seeded)
    target = str(tmp_path / "site.backup")
    made = json.loads(run("backup", target, "--json", env=seeded))
    drop_database(seeded)
    restored = json.loads(run("restore", target, "--json", env=seeded))
    assert restored["tables"] == made["tables"]
    assert counts(seeded) == rows
    assert answers(seeded) == before
    assert "No migrations to apply" in run("migrate", env=seeded)


@pytest.mark.slow
def test_an_empty_and_a_migrated_database_take_a_backup(backup: Path, seeded: dict[str, str]) -> None:
    rows = counts(seeded)
    drop_database(seeded)
    if not seeded["DATABASE_URL"].startswith("sqlite"):
        at_server("CREATE DATABASE {}", name_of(seeded["DATABASE_URL"]))
    run("migrate", "--no-seed", "cms", "0001", env=seeded)
    run("restore", str(backup), env=seeded)
    assert counts(seeded) == rows


def test_content_is_replaced_by_force_only(backup: Path, seeded: dict[str, str]) -> None:
    rows = counts(seeded)
    execute(seeded, "DELETE FROM cms_auditevent")
    assert "--force replaces it" in refusal("restore", str(backup), env=seeded)
    assert counts(seeded)[2] == 0
    run("restore", "--force", str(backup), env=seeded)
    assert counts(seeded) == rows


@pytest.mark.slow
def test_a_server_that_runs_meanwhile_answers_from_the_restored_database(backup: Path, seeded: dict[str, str]) -> None:
    with serve(seeded) as server, httpx.Client(base_url=server.base_url, timeout=60) as client:
        before = client.get("/api/v2/posts").raise_for_status().content
        execute(seeded, "UPDATE cms_post SET title = 'Changed since'")
        assert client.get("/api/v2/posts").content != before
        run("restore", "--force", str(backup), env=seeded)
        assert client.get("/api/v2/posts").content == before


def test_a_table_that_only_newer_code_knows_goes_and_one_of_somebody_else_stays(
    backup: Path, seeded: dict[str, str]
) -> None:
    if seeded["DATABASE_URL"].startswith("sqlite"):
        pytest.skip("an SQLite file is replaced as a whole")
    execute(
        seeded,
        "CREATE TABLE cms_newer (post_id uuid REFERENCES cms_post)",
        "INSERT INTO cms_newer SELECT id FROM cms_post",
        "CREATE TABLE other_app (n integer)",
        "INSERT INTO other_app VALUES (7)",
    )
    run("restore", "--force", str(backup), env=seeded)
    assert execute(seeded, "SELECT to_regclass('cms_newer')", "SELECT n FROM other_app") == [None, 7]


def test_a_restore_that_fails_in_the_middle_changes_nothing(backup: Path, seeded: dict[str, str]) -> None:
    """The rows are there already when the first index is refused."""
    if seeded["DATABASE_URL"].startswith("sqlite"):
        pytest.skip("nothing in an SQLite file can refuse its pages")
    execute(
        seeded,
        "DELETE FROM cms_auditevent",
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$",
        "CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION refuse()",
    )
    assert "not today" in refusal("restore", "--force", str(backup), env=seeded)
    assert counts(seeded)[2] == 0
    assert counts(seeded)[1] > 0


def test_a_single_flipped_byte_is_refused_and_changes_nothing(backup: Path, seeded: dict[str, str]) -> None:
    whole, rows = backup.read_bytes(), counts(seeded)
    for place in (20, len(whole) // 2, -1):
        content = bytearray(whole)
        content[place] ^= 1
        backup.write_bytes(content)
        assert str(backup) in refusal("restore", "--force", str(backup), env=seeded)
    assert counts(seeded) == rows
    drop_database(seeded)
    refusal("restore", str(backup), env=seeded)


@pytest.mark.slow
def test_a_truncated_backup_another_file_and_a_missing_one_are_refused(backup: Path, seeded: dict[str, str]) -> None:
    whole = backup.read_bytes()
    for content in (whole[:-512], b"manifest.json", b"SQLite format 3\0" * 500):
        backup.write_bytes(content)
        assert str(backup) in refusal("restore", "--force", str(backup), env=seeded)
    assert "There is no file" in refusal("restore", f"{backup}.missing", env=seeded)


@pytest.mark.slow
def test_a_backup_of_the_other_engine_is_refused_by_name(backup: Path, seeded: dict[str, str], tmp_path: Path) -> None:
    is_sqlite = seeded["DATABASE_URL"].startswith("sqlite")
    other = "postgresql" if is_sqlite else "sqlite"
    (tmp_path / "other").mkdir()
    with new_database(other, tmp_path / "other") as url:
        sentence = refusal("restore", str(backup), env={**seeded, "DATABASE_URL": url})
    assert "sqlite" in sentence
    assert "postgresql" in sentence


@pytest.mark.slow
def test_media_files_come_back_and_others_stay(seeded: dict[str, str], tmp_path: Path) -> None:
    env = seeded
    photo = tmp_path / "media" / "media" / "2026" / "Straße 写真.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"\xff\xd8 a photo" * 100_000)
    made = json.loads(run("backup", str(tmp_path / "site.backup"), "--json", env=env))
    assert made["media_files"] == 1
    content = photo.read_bytes()
    photo.write_bytes(b"overwritten")
    (tmp_path / "media" / "newer.txt").write_text("made after the backup")
    run("restore", "--force", str(tmp_path / "site.backup"), env=env)
    assert photo.read_bytes() == content
    assert {path.name for path in (tmp_path / "media").iterdir()} == {"media", "newer.txt"}


@pytest.fixture(params=["folder to bucket", "bucket to folder"])
def places(request: pytest.FixtureRequest, a_store: ObjectStore, tmp_path: Path) -> list[Folder | Bucket]:
    """Where media are when the backup is made, and where when it is restored."""
    kinds = request.param.split(" to ")
    return [
        a_store.new_bucket() if kind == "bucket" else Folder(tmp_path / f"media-{n}") for n, kind in enumerate(kinds)
    ]


@pytest.mark.slow
def test_media_come_back_from_either_place_into_either(
    seeded: dict[str, str], places: list[Any], tmp_path: Path
) -> None:
    large, names = b"\xff\xd8 a photo" * 200_000, ["media/2026/Straße 写真.jpg", "renditions/2026/11/a.webp", "top.txt"]
    before, after = ({**seeded, **place.env} for place in places)
    for name in names:
        places[0].write(name, large)
    made = json.loads(run("backup", str(tmp_path / "site.backup"), "--json", env=before))
    places[1].write("newer.txt", b"made after the backup")
    places[1].write(names[0], b"overwritten")
    restored = json.loads(run("restore", "--force", str(tmp_path / "site.backup"), "--json", env=after))
    assert made["media_files"] == restored["media_files"] == 3
    assert places[1].names() == sorted([*names, "newer.txt"])
    assert {places[1].read(name) for name in names} == {large}


@pytest.mark.slow
def test_a_bucket_that_is_away_is_a_sentence_and_changes_nothing(
    seeded: dict[str, str], a_store: ObjectStore, tmp_path: Path
) -> None:
    bucket, rows = a_store.new_bucket(), counts(seeded)
    bucket.write("media/a.txt", b"a")
    there = {**seeded, **bucket.env}
    away = {**there, "MEDIA_S3_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    wrong = {**there, "MEDIA_S3_SECRET_ACCESS_KEY": "wrong-wrong-wrong"}
    target = tmp_path / "site.backup"
    assert "Could not connect" in last_line("backup", str(target), env=away)
    assert "SignatureDoesNotMatch" in last_line("backup", str(target), env=wrong)
    assert not target.exists()
    run("backup", str(target), env=there)
    execute(seeded, "DELETE FROM cms_auditevent")
    assert "Could not connect" in last_line("restore", "--force", str(target), env=away)
    assert counts(seeded) == [*rows[:2], 0]


WRITER = """
from pathlib import Path
from itertools import count
from django.utils import timezone
from cms.policy import SYSTEM
from cms.services.users import create_user
for n in count():
    fields = {{"username": f"new_{{n}}", "email": f"{{n}}@example.org"}}
    create_user(actor=SYSTEM, fields=fields, password=None, now=timezone.now())
    if Path("{stop}").exists():
        break
"""


@pytest.mark.slow
def test_a_backup_is_of_one_moment_while_others_write(seeded: dict[str, str], tmp_path: Path) -> None:
    """The writer's transactions make a user and its audit event: a backup that holds one without the other is torn."""
    users, _, events = counts(seeded)
    stop, made = tmp_path / "stop", [users]
    code = WRITER.format(stop=stop)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(run, "shell", "-v0", "-c", code, env=seeded)
        try:
            for number in range(2):
                wait_until(lambda: writing.done() or counts(seeded)[0] > made[-1])
                printed = run("backup", str(tmp_path / f"{number}.backup"), "--json", env=seeded)
                found = {name.rpartition(".")[2]: rows for name, rows in json.loads(printed)["tables"].items()}
                assert found["cms_user"] - users == found["cms_auditevent"] - events
                made.append(found["cms_user"])
                # It wrote while the backup was made, or does so now at least: it is never at its end.
                wait_until(lambda: writing.done() or counts(seeded)[0] > made[-1])
                assert not writing.done(), writing.result()
        finally:
            stop.touch()
        writing.result(60)
    assert made == sorted(set(made))


@pytest.mark.slow
def test_what_is_at_the_path_is_replaced_only_when_it_is_a_backup(
    backup: Path, seeded: dict[str, str], tmp_path: Path
) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("not a backup")
    assert "left alone" in refusal("backup", str(precious), env=seeded)
    assert precious.read_text() == "not a backup"
    assert "is a folder" in refusal("backup", str(tmp_path), env=seeded)
    assert "no folder" in refusal("backup", str(tmp_path / "missing" / "x"), env=seeded)
    run("backup", str(backup), env=seeded)
    assert backup.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_leaves_nothing(backup: Path, seeded: dict[str, str], tmp_path: Path) -> None:
    """A limit on files stands for the disk, and would hold for coverage's file too; what was there before stays whole."""
    whole, names = backup.read_bytes(), sorted(path.name for path in tmp_path.iterdir())
    command = f"ulimit -f 64 && exec {sys.executable} manage.py backup {backup}"
    env = {name: value for name, value in clean_environment(seeded).items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert backup.read_bytes() == whole
    kept = [name for name in names if not name.endswith(("-wal", "-shm"))]
    assert [p.name for p in sorted(tmp_path.iterdir()) if not p.name.endswith(("-wal", "-shm"))] == kept


@pytest.mark.slow
def test_migrate_backs_up_when_there_is_something_to_apply(seeded: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "before.backup"
    assert "no backup" in run("migrate", "--backup", str(target), env=seeded)
    assert not target.exists()
    execute(seeded, "DELETE FROM django_migrations WHERE app = 'sessions'", "DROP TABLE django_session")
    refused = manage("migrate", "--backup", str(tmp_path / "missing" / "x"), env=seeded)
    assert (refused.returncode, "Nothing was applied" in refused.stderr) == (1, True)
    assert "verified" in run("migrate", "--backup", str(target), env=seeded)
    run("restore", "--force", str(target), env=seeded)
    assert "sessions.0001_initial" in run("migrate", "--dry-run", env=seeded)
