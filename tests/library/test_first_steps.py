"""The ten minutes of the package's first page, by its own lines, in a project that Django has just made."""

import contextlib
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.strangers import PACKAGE, Project, outside, run
from tests.servers import free_port

BLOCKS = re.findall(r"^ *```python\n(.*?)^ *```$", (PACKAGE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
VIEWS = """
from django.http import JsonResponse
from django.urls import path

urlpatterns = [path("products", lambda request: JsonResponse({{"version": {version}}}))]
"""
CLIENTS = 200
"""The salt is another one in each run: that none of them is among the first tenth happens once in 10^9 runs."""
WITHIN_S = 60


def block(number: int) -> str:
    return re.sub(r"^   ", "", BLOCKS[number], flags=re.MULTILINE)


@pytest.fixture
def project(python: Path, tmp_path: Path) -> Project:
    """As `startproject` leaves it, with two tiny versions of an API."""
    run(python, "-m", "django", "startproject", "shop", tmp_path, folder=tmp_path)
    for version in (1, 2):
        folder = tmp_path / "shop" / f"v{version}"
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "urls.py").write_text(VIEWS.format(version=version))
    return Project(tmp_path, python, {})


def follow(project: Project) -> None:
    """Do steps 1 to 3 of the page."""
    root_urls, settings, sqlite, entry = map(block, range(4))
    package = project.folder / "shop"
    (package / "v1" / "root_urls.py").write_text(root_urls)
    (package / "v2" / "root_urls.py").write_text(root_urls.replace("v1", "v2"))
    (package / "settings.py").write_text(f"{(package / 'settings.py').read_text()}\n{settings}{sqlite}")
    line = "application = get_wsgi_application()\n"
    assert entry.startswith(line)
    (package / "wsgi.py").write_text((package / "wsgi.py").read_text().replace(line, entry))


@contextlib.contextmanager
def running(project: Project, *words: str) -> Iterator[None]:
    with (project.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [project.python, "manage.py", *words], cwd=project.folder, env=outside({}), stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(WITHIN_S)


def version_of(address: str, client: str) -> str:
    asked = urllib.request.Request(f"{address}/api/products", headers={"X-Client-Id": client})
    with urllib.request.urlopen(asked, timeout=WITHIN_S) as answer:
        assert json.load(answer) == {"version": int(answer.headers["API-Version"])}
        return str(answer.headers["API-Version"])


def await_site(address: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            version_of(address, "first")
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_without_the_steps_each_missing_line_is_named(project: Project) -> None:
    settings = project.folder / "shop" / "settings.py"
    settings.write_text(f'{settings.read_text()}\nINSTALLED_APPS += ["canary"]\n')
    told = project.manage("check", is_refused=True)
    assert {*re.findall(r"canary\.[EW]\d+", told)} == {"canary.E001", "canary.E002", "canary.W003", "canary.W005"}


def test_with_them_one_client_in_ten_is_on_v2_and_every_part_works(project: Project) -> None:
    follow(project)
    assert "no issues" in project.manage("check", "--fail-level", "WARNING")
    project.manage("migrate", "-v0")
    run(project.python, "-c", "import shop.wsgi", folder=project.folder)  # as gunicorn does, which loads no apps before
    project.manage("canary", "set", "10", "--reason", "first clients")
    place = f"127.0.0.1:{free_port()}"
    address = f"http://{place}"
    with running(project, "runserver", "--noreload", place), running(project, "run_canary_controller"):
        await_site(address)
        versions = [version_of(address, f"client-{number}") for number in range(CLIENTS)]
        assert 0 < versions.count("2") < CLIENTS / 2
        assert versions == [version_of(address, f"client-{number}") for number in range(CLIENTS)]
        project.manage("canary", "doctor", "--url", address)
        project.manage("canary", "rollback", "--reason", "enough")
        deadline = time.monotonic() + WITHIN_S
        while "2" in {version_of(address, f"client-{number}") for number in range(CLIENTS)}:
            assert time.monotonic() < deadline
