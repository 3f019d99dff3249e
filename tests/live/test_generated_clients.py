"""The packages of the clients that `make clients` builds, installed and used against a running server.

Each tells a whole editorial story in its own language (tests/clients); what is left of it in the database is checked here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.clients.packages import (
    DOCUMENT,
    PYTHON,
    TYPESCRIPT,
    ProgramMissing,
    build_npm_package,
    build_python_package,
    npm_tools,
    version_of,
)
from tests.live.site import BASE, Site, unique
from tests.servers import ROOT

STORIES = ROOT / "tests" / "clients"
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


@pytest.fixture
def posts(site: Site) -> list[str]:
    """The titles of the newest posts, of which there is one at least."""
    admin = site.people["admin"]
    post = admin.post("/posts", json={"title": unique("Sample"), "content": "x"}).raise_for_status().json()
    admin.post(f"/posts/{post['id']}/actions/publish", json={}).raise_for_status()
    return [post["title"] for post in site.anonymous.get("/posts?limit=5").raise_for_status().json()["data"]]


def sample_of(readme: Path, site: Site) -> str:
    """Return the program of the README with the address and a token of this site."""
    sample: str
    [sample] = re.findall(r"^```(?:python|ts)\n(.+?)^```$", readme.read_text(), re.MULTILINE | re.DOTALL)
    for example, value in (
        ("https://cms.example.org/api/v2", f"{site.server.base_url}{BASE}"),
        ("YOUR_TOKEN", site.tokens["author"]),
    ):
        assert sample.count(example) == 1
        sample = sample.replace(example, value)
    return sample


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
def test_the_packages_are_built_from_the_document_that_the_server_gives_out(site: Site) -> None:
    assert site.anonymous.get("/openapi.json").raise_for_status().json() == json.loads(DOCUMENT.read_bytes())


@pytest.fixture(scope="module")
def python_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel is installed."""
    folder = tmp_path_factory.mktemp("python")
    [wheel] = [package for package in build_python_package(DOCUMENT, folder) if package.suffix == ".whl"]
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder / "installed", wheel)
    run(sys.executable, *install, cwd=folder)
    return folder / "installed"


@pytest.mark.slow
def test_the_python_package_tells_an_editorial_story(
    site: Site, python_packages: Path, tmp_path: Path, posts: list[str]
) -> None:
    """A type checker accepts the sample of the README, which is run first."""
    env = {"PYTHONPATH": str(python_packages), "PYTHONWARNINGS": "error"}
    (tmp_path / "sample.py").write_text(sample_of(PYTHON / "README.md", site))
    assert run(sys.executable, "sample.py", cwd=tmp_path, env=env).splitlines() == posts
    check = ("-m", "mypy", "--strict", "--follow-imports=silent", "sample.py")
    run(sys.executable, *check, cwd=tmp_path, env={"MYPYPATH": str(python_packages)})
    story = STORIES / "python" / "story.py"
    told = run(sys.executable, story, f"{site.server.base_url}{BASE}", site.tokens["admin"], cwd=tmp_path, env=env)
    assert_ended_as_told(site, json.loads(told), TITLES["python"])


@pytest.fixture(scope="module")
def npm_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the tarball installed, and without a network: its dependencies come from the locked packages."""
    try:
        tools = npm_tools()
    except ProgramMissing as error:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"{error} (REQUIRE_SERVICES=1 requires them)")
        pytest.skip(f"{error} (REQUIRE_SERVICES=1 makes that a failure)")
    project = tmp_path_factory.mktemp("typescript")
    [tarball] = build_npm_package(DOCUMENT, project)
    (project / "package.json").write_text('{"private": true, "type": "module"}')
    others = ("openapi-fetch", "openapi-typescript-helpers", "@types/node", "undici-types")
    install = ("npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts")
    run(*install, tarball, *(tools / name for name in others), cwd=project)
    return project


@pytest.mark.slow
def test_the_npm_package_tells_an_editorial_story(site: Site, npm_project: Path, posts: list[str]) -> None:
    """The compiler checks each call before the story is told, and refuses what it has wrong ones for."""
    installed = json.loads((npm_project / "node_modules/tandem-client/package.json").read_text())
    assert installed["version"] == version_of(DOCUMENT)
    for name in ("tsconfig.json", "story.ts"):
        shutil.copy(STORIES / "typescript" / name, npm_project)
    (npm_project / "sample.ts").write_text(sample_of(TYPESCRIPT / "README.md", site))
    run(npm_tools() / ".bin" / "tsc", cwd=npm_project)
    assert run("node", "build/sample.js", cwd=npm_project).splitlines() == posts
    base_url = f"{site.server.base_url}{BASE}"
    told = run("node", "build/story.js", base_url, site.tokens["admin"], cwd=npm_project)
    assert_ended_as_told(site, json.loads(told), TITLES["typescript"])
