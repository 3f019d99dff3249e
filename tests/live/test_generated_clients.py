"""Clients that nobody wrote: a Python and a TypeScript one, generated from the document that a running server gives out.

Each tells a whole editorial story in its own language (tests/clients); what is left of it in the database is checked here.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.live.site import BASE, Site
from tests.servers import ROOT

CLIENTS = ROOT / "tests" / "clients"
TYPESCRIPT = CLIENTS / "typescript"
TITLES = {"python": "The pythonic lighthouse", "typescript": "The typed lighthouse"}
TIMEOUT_S = 900


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program that succeeds has printed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def document(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_bytes(site.anonymous.get("/openapi.json").raise_for_status().content)
    return path


def assert_ended_as_told(site: Site, told: Mapping[str, Any], title: str) -> None:
    """The post of the story after its end: archived under its title, with its picture and its one comment."""
    post = site.row("SELECT title, status, author_id, featured_image_id FROM cms_post WHERE id = %s", told["post"])
    assert (post["title"], post["status"]) == (title, "archived")
    assert (str(post["author_id"]), str(post["featured_image_id"])) == (told["author"], told["media"])
    [comment] = site.rows("SELECT id, status FROM cms_comment WHERE post_id = %s", told["post"])
    assert (str(comment["id"]), comment["status"]) == (told["comment"], "published")
    revisions = site.rows(
        "SELECT number, is_draft FROM cms_postrevision WHERE post_id = %s ORDER BY number", told["post"]
    )
    assert len(revisions) >= 4
    assert site.row("SELECT role FROM cms_user WHERE id = %s", told["author"])["role"] == "author"


@pytest.mark.slow
def test_a_generated_python_client_tells_an_editorial_story(site: Site, document: Path, tmp_path: Path) -> None:
    programs = Path(sys.executable).parent  # the generator calls ruff by its name
    env = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "PYTHONWARNINGS": "error",
    }
    options = ("--meta", "none", "--fail-on-warning", "--config", CLIENTS / "python" / "generator.yaml")
    generate = ("openapi-python-client", "generate", "--path", document, "--output-path", tmp_path / "tandem_client")
    run(programs / generate[0], *generate[1:], *options, cwd=tmp_path, env={"PATH": env["PATH"]})
    story = CLIENTS / "python" / "story.py"
    told = run(sys.executable, story, f"{site.server.base_url}{BASE}", site.tokens["admin"], cwd=tmp_path, env=env)
    assert_ended_as_told(site, json.loads(told), TITLES["python"])


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The locked packages, installed once for each state of the lock file."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail("node and npm are required (REQUIRE_SERVICES=1) and not on PATH")
        pytest.skip("node and npm are not on PATH (REQUIRE_SERVICES=1 makes that a failure)")
    digest = hashlib.sha256((TYPESCRIPT / "package-lock.json").read_bytes()).hexdigest()[:16]
    kept = ROOT / "build" / f"typescript-client-{digest}"
    if not kept.is_dir():
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(TYPESCRIPT / name, new)
        run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=new)
        new.rename(kept)
    return kept / "node_modules"


@pytest.mark.slow
def test_a_generated_typescript_client_tells_an_editorial_story(
    site: Site, document: Path, node_modules: Path, tmp_path: Path
) -> None:
    """The compiler checks each call against the document before the story is told, and refuses what it has wrong ones for."""
    for name in ("package.json", "tsconfig.json", "story.ts"):
        shutil.copy(TYPESCRIPT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(node_modules)
    programs = tmp_path / "node_modules" / ".bin"
    run(programs / "openapi-typescript", document, "--output", "schema.d.ts", cwd=tmp_path)
    run(programs / "tsc", cwd=tmp_path)
    base_url = f"{site.server.base_url}{BASE}"
    told = run("node", "build/story.js", base_url, site.tokens["admin"], cwd=tmp_path)
    assert_ended_as_told(site, json.loads(told), TITLES["typescript"])
