"""The drill of `backup-drill.md`, with a backup of the demo on PostgreSQL: what its page says, and the site it restores."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.cms.commands.typed import PATH, run
from tests.databases import SECRET_KEY, new_database, process_env
from tests.servers import HOST, ROOT, Server, await_answer, clean_environment, free_port, spawn, stop_process
from tests.tutorials.checkouts import Checkout
from tests.tutorials.sessions import Step, steps_of

PAGE: Final = ROOT / "docs/guides/backup-drill.md"
COUNTS: Final = re.compile(r"[\d,]+ rows in \d+ tables, [\d,]+ media files")


class Drill(NamedTuple):
    checkout: Checkout
    env: dict[str, str]
    """How the reader reaches PostgreSQL."""
    words: dict[str, str]
    """What the reader writes in place of words of the page."""
    made: str
    """What `backup` printed."""

    def script(self, *steps: Step) -> str:
        script = "".join(step.script for step in steps)
        for word, own in self.words.items():
            script = script.replace(word, own)
        return script


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    name = f"drill_{secrets.token_hex(6)}"
    with new_database("postgresql", tmp_path) as url:
        live = process_env(url, PATH=PATH, MEDIA_ROOT=str(tmp_path / "media"))
        run("migrate", env=live)
        made = run("backup", str(tmp_path / "2026-11-25.tar"), env=live)
        server = conninfo_to_dict(url)
        env = {f"PG{key.upper()}": str(server[key]) for key in ("host", "port", "user", "password") if key in server}
        words = {
            "postgresql://USER:PASSWORD@127.0.0.1:5432/drill": urlsplit(url)._replace(path=f"/{name}").geturl(),
            "createdb drill": f"createdb {name}",
            "dropdb drill": f"dropdb {name}",
            "SECRET_KEY=…": f"SECRET_KEY={SECRET_KEY}",
            "/var/lib/tandem/backups": str(tmp_path),
            "/tmp/drill": str(tmp_path / "drill"),
        }
        yield Drill(Checkout(ROOT, {8900: free_port()}), {**env, "PATH": PATH}, words, made)


def answer_of(drill: Drill, script: str, log: Path) -> httpx.Response:
    """What the server that a script starts answers to a visitor of its login page."""
    port = drill.checkout.ports[8900]
    env = clean_environment({"WEB_THREADS": "4"})
    process = spawn(["bash", "-ec", drill.checkout.with_free_ports(script)], log=log, cwd=ROOT, env=env)
    try:
        await_answer(Server(process, port, log))
        return httpx.get(f"http://{HOST}:{port}/admin/login/", timeout=60)
    finally:
        stop_process(process)


def test_a_drill_restores_the_site_beside_the_live_one_and_leaves_nothing(drill: Drill, tmp_path: Path) -> None:
    steps = list(steps_of(PAGE))
    [at] = [place for place, step in enumerate(steps) if step.mark == "server"]
    status, output = drill.checkout.run(drill.script(*steps[:at]), env=drill.env)
    assert status == 0, output
    assert COUNTS.findall(output) == COUNTS.findall(drill.made) != []
    exports = "".join(re.findall(r"^export .*\n", drill.script(*steps[:at]), re.MULTILINE))
    login = answer_of(drill, f"{exports}exec {drill.script(steps[at])}", tmp_path / "log")
    assert (login.status_code, "password" in login.text) == (200, True)
    status, output = drill.checkout.run(drill.script(*steps[at + 1 :]), env=drill.env)
    assert status == 0, output
    assert not (tmp_path / "drill").exists()
