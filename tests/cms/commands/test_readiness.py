"""`manage.py readiness` says yes to a sound site, and no, with exit code 1 and every other item shown, to each fault of one."""

import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
import pytest

from cms.backup.archive import write_archive
from cms.backup.manifest import Dump, Manifest
from cms.readiness.machine import backups
from tests.databases import copied_database, process_env
from tests.servers import free_port, manage, serve
from tests.session import ENGINES

NAMES = [
    *("database", "migrations", "redis", "media", "proxy", "versions", "canary_weight", "controller"),
    *("rollback_drill", "demo_accounts", "deploy_settings", "backups", "disk", "private_files", "pruned", "clock"),
]
# Engines that lie: a function of ours is found before the one of the same name that they have.
LIARS: LiteralString = """
    CREATE SCHEMA old;
    CREATE FUNCTION old.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '140011' $$;
    CREATE SCHEMA late;
    CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() - interval '1 hour' $$;
"""


@dataclass(frozen=True)
class Site:
    env: dict[str, str]

    def ask(self, *arguments: str, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code and the items by name: all of them, in their order, whatever is wrong."""
        done = manage("readiness", "--json", *arguments, env={**self.env, **env})
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        assert [item["name"] for item in told["items"]] == NAMES
        assert told["ok"] == all(item["ok"] for item in told["items"]) == (done.returncode == 0)
        assert bool(done.stderr) == (done.returncode != 0)
        return done.returncode, {item["name"]: item for item in told["items"]}

    def refused(self, *arguments: str, **env: str) -> dict[str, str]:
        """Which items say no, and why."""
        code, items = self.ask(*arguments, **env)
        assert code == 1
        return {name: item["detail"] for name, item in items.items() if not item["ok"]}

    def canary(self, *words: str) -> None:
        done = manage("canary", *words, "--reason", "a drill", env=self.env)
        assert done.returncode == 0, done.stderr

    def run_sql(self, *statements: LiteralString) -> None:
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def lying(self, schema: str) -> str:
        url = self.env["DATABASE_URL"]
        return f"{url}{'&' if '?' in url else '?'}options={quote(f'-c search_path={schema},pg_catalog,public')}"


@pytest.fixture(scope="module")
def site(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Sound: a test must leave it so."""
    folder = tmp_path_factory.mktemp("readiness")
    if ENGINES.redis_url_for("master") is None:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    with copied_database(template_of("postgresql"), folder) as url:
        env = process_env(
            url,
            SECRET_KEY="0123456789" + "abcdefghijklmnopqrstuvwxyz" * 2,
            REDIS_URL=ENGINES.redis_url_for("master") or "",
            HSTS_S="3600",
            EMAIL_URL="smtp://localhost",
            ADMIN_URL="https://cms.example.org/admin/",
            MEDIA_ROOT=str(folder / "media"),
            BACKUP_DIR=str(folder / "backups"),
            ALLOWED_HOSTS=".example.org,127.0.0.1",
        )
        site = Site(env)
        site.canary("rollback")
        site.canary("ack")
        site.run_sql(LIARS)
        (folder / "backups").mkdir()
        done = manage("backup", str(folder / "backups" / "tonight.tar"), env=env)
        assert done.returncode == 0, done.stderr
        yield site


@pytest.fixture
def spare(site: Site, tmp_path: Path) -> Iterator[Site]:
    """The same with a database of its own, to be broken."""
    with copied_database(site.env["DATABASE_URL"], tmp_path) as url:
        yield Site({**site.env, "DATABASE_URL": url})


def dead_url(scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{free_port()}/0"


def backup_of(folder: Path, hours_ago: int) -> Path:
    """A whole one with nothing in it."""
    made_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours_ago)
    (folder / "dump").write_bytes(b"rows" * 1_000)
    manifest = Manifest("postgresql", made_at.isoformat(), Dump("15.0", [], {}))
    path = folder / "backups" / f"{hours_ago}.tar"
    write_archive(path, manifest, folder / "dump", [], lambda done: None)
    return path


def test_a_sound_site_is_ready(site: Site) -> None:
    code, items = site.ask()
    assert code == 0, [item for item in items.values() if not item["ok"]]
    assert "PostgreSQL" in items["database"]["detail"]
    assert items["versions"]["detail"] == "v1: 200, v2: 200 in this process."


@pytest.mark.slow
def test_without_json_each_item_is_a_line_and_the_last_sentence_names_what_says_no(site: Site) -> None:
    done = manage("readiness", env={**site.env, "HSTS_S": ""})
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["NO" if n == "deploy_settings" else "yes", n] for n in NAMES]
    assert (done.returncode, done.stderr.strip()) == (1, "CommandError: Not ready: deploy_settings.")


def test_a_database_that_is_gone_is_no_reason_to_show_less(site: Site) -> None:
    refused = site.refused(DATABASE_URL=f"postgresql://tandem:hidden-word@127.0.0.1:{free_port()}/x")
    of_canary = {"versions", "canary_weight", "controller", "rollback_drill"}
    assert {"database", "migrations", "clock", "pruned", "demo_accounts", *of_canary} == refused.keys()
    assert "hidden-word" not in str(refused)


@pytest.mark.slow
def test_a_database_that_is_too_old(site: Site) -> None:
    assert "15 or newer" in site.refused(DATABASE_URL=site.lying("old"))["database"]


def test_sqlite_and_no_redis_are_for_trying_things_out(site: Site) -> None:
    refused = site.refused(DATABASE_URL="sqlite:////nonexistent/db.sqlite3", REDIS_URL="")
    assert "SQLite" in refused["database"]
    assert "not set" in refused["redis"]


@pytest.mark.slow
def test_a_migration_that_is_not_applied(spare: Site) -> None:
    spare.run_sql("DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'cms')")
    assert [*(refused := spare.refused())] == ["migrations"]
    assert "1 not applied: cms." in refused["migrations"]


@pytest.mark.slow
def test_a_redis_that_does_not_answer(site: Site) -> None:
    assert "redis" in site.refused(REDIS_URL=dead_url("redis"))


def test_a_version_that_fails(spare: Site) -> None:
    spare.run_sql("ALTER TABLE cms_post RENAME TO gone")
    assert spare.refused() == {"versions": "v1: 500 in place of 200, v2: 500 in place of 200 in this process."}


@pytest.mark.slow
def test_versions_are_asked_over_http_where_an_address_is_given(site: Site) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    refused = site.refused("--url", nobody)
    assert "no answer (ConnectionRefusedError)" in refused["versions"]
    assert "ConnectionRefusedError" in refused["proxy"]
    with serve(site.env) as server:
        _, items = site.ask("--url", server.base_url)
    assert items["versions"] == {
        "name": "versions",
        "ok": True,
        "detail": f"v1: 200, v2: 200 at {server.base_url}.",
    }
    assert [name for name, item in items.items() if not item["ok"]] == ["proxy"]  # it is the web process itself


@pytest.mark.slow
def test_one_version_that_does_not_answer_is_a_failure_whichever_it_is(site: Site) -> None:
    for name, told in (
        ("USE_LEGACY_API_V1", "v1: 410 in place of 200, v2: 200"),
        ("API_V2_ENABLED", "v1: 200, v2: 404 in place of 200"),
    ):
        with serve({**site.env, name: "false"}) as server:  # the server was started with another setting
            assert site.refused("--url", server.base_url)["versions"] == f"{told} at {server.base_url}."


@pytest.mark.slow
def test_a_version_that_is_off_by_its_setting_answers_as_it_should(site: Site) -> None:
    code, items = site.ask(USE_LEGACY_API_V1="false")
    assert (code, items["versions"]["detail"]) == (0, "v1: 410, v2: 200 in this process.")


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["--weight", "12.5"], {}), ([], {"API_V2_TRAFFIC_PERCENTAGE": "12.5"})],
    ids=["asked", "environment"],
)
def test_a_weight_that_is_not_the_planned_one(site: Site, arguments: list[str], env: dict[str, str]) -> None:
    assert "0 % in place of 12.5 %" in site.refused(*arguments, **env)["canary_weight"]


@pytest.mark.slow
def test_the_weight_is_compared_with_the_step_of_the_plan_and_never_well_while_latched(spare: Site) -> None:
    spare.canary("start", "--plan", "10,50")
    assert "10 %, by step 1 of a plan that is running" in spare.ask()[1]["canary_weight"]["detail"]
    spare.canary("set", "30")
    assert "30 % in place of 10 %" in spare.refused()["canary_weight"]
    assert spare.refused("--weight", "30").keys() == {"controller"}  # none runs here
    spare.canary("rollback")
    assert "latched" in spare.refused("--weight", "0")["canary_weight"]


@pytest.mark.slow
def test_a_drill_that_is_too_old_or_never_was(spare: Site) -> None:
    spare.run_sql("UPDATE canary_rolloutevent SET at = at - interval '91 days'")
    assert "91.0 days ago" in spare.refused()["rollback_drill"]
    assert spare.ask("--drill-days", "92")[0] == 0
    spare.run_sql("DELETE FROM canary_rolloutevent WHERE verb = 'rollback'")
    assert "no rollback yet" in spare.refused(ROLLBACK_DRILL_DAYS="3650")["rollback_drill"]


def test_settings_that_do_not_fit_a_deployment(site: Site) -> None:
    detail = site.refused(HSTS_S="0", EMAIL_URL="", ADMIN_URL="")["deploy_settings"]
    assert all(check in detail for check in ("security.W004", "security.W012", "cms.E003", "cms.W004"))


@pytest.mark.slow
def test_backups_that_nobody_knows_the_place_of(site: Site) -> None:
    assert "names the folder" in site.refused(BACKUP_DIR="")["backups"]


def test_backups_that_are_missing_old_or_damaged(site: Site, tmp_path: Path) -> None:
    now, wanted = datetime.datetime.now(datetime.UTC), {"backups": str(tmp_path / "backups")}
    (tmp_path / "backups").mkdir()
    assert not backups(now, wanted)[0]
    old = backup_of(tmp_path, 25)
    assert backups(now, wanted) == (False, "25.tar was made 25.0 hours ago; a day is allowed.")
    backup_of(tmp_path, 23)
    assert backups(now, wanted) == (True, "23.tar was made 23.0 hours ago and is whole.")
    with (old.parent / "23.tar").open("r+b") as stream:
        stream.seek(3_000)
        stream.write(b"x")
    assert "damaged" in site.refused("--backups", str(old.parent))["backups"]


@pytest.mark.slow
def test_a_disk_that_is_nearly_full(site: Site) -> None:
    assert [*site.refused(DISK_FREE_MIN_MB="1000000000")] == ["disk"]


def test_a_file_of_the_media_that_everybody_on_the_machine_can_read(site: Site) -> None:
    media = Path(site.env["MEDIA_ROOT"]) / "media" / "2026" / "a.txt"
    media.parent.mkdir(parents=True)
    media.write_text("x", encoding="ascii")
    media.chmod(0o604)
    try:
        assert str(media) in site.refused()["private_files"]
    finally:
        media.unlink()


@pytest.mark.slow
def test_a_clock_that_differs_from_the_databases(site: Site) -> None:
    assert "behind in the database" in site.refused(DATABASE_URL=site.lying("late"))["clock"]


@pytest.mark.parametrize("words", ["--weight 101", "--weight 1e1", "--drill-days -1", "--drill-days 4000", "--what"])
def test_wrong_words_are_wrong_usage(words: str) -> None:
    done = manage("readiness", *words.split(), env=process_env("sqlite:////nonexistent/db.sqlite3"))
    assert (done.returncode, done.stdout) == (2, "")
