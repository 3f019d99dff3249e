"""A release with a new column, and its way back, while visitors read and write: expand, move over, move back, contract.

The release is a copy of this code with one more field in a model, and the migration that Django itself makes for it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from scripts.staging_local import stores
from scripts.staging_local.stack import WEBS, ask
from tests.servers import ROOT
from tests.staging.site import Staging, eventually
from tests.staging.visitors import Visitors

# `make staging-compose` plays an upgrade in the daily run.
pytestmark = pytest.mark.slow
FIELD = '\nTag.add_to_class("staging_note", models.TextField(null=True))\n'
COLUMN = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'cms_tag' AND column_name = 'staging_note'"


@dataclass
class Release:
    visitors: Visitors
    before_migrating: int | str = ""
    """What `/readyz` of the new code says before its migration has run."""
    columns: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    """The status of writing a tag through the proxy."""


def column(staging: Staging) -> int:
    url = stores.database_url(staging.stack.secrets["POSTGRES_PASSWORD"], staging.stack.ports["postgres"])
    with psycopg.connect(url) as connection:
        [(count,)] = connection.execute(COLUMN).fetchall()
    return int(count)


def next_release(staging: Staging, folder: Path) -> str:
    """Made in `folder`; the name of the migration before its own."""
    for name in ("cms", "api_v1", "api_v2", "canary"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", folder)
    last = max(path.stem for path in (folder / "cms/migrations").glob("0*.py"))
    model = folder / "cms/models/tags.py"
    model.write_text(model.read_text() + FIELD)
    staging.stack.manage("makemigrations", "cms", "--name", "staging_note", cwd=folder)
    return last


def take_over(staging: Staging, name: str, code: Path) -> None:
    staging.stack.code[name] = code
    staging.stack.renew(name)


@pytest.fixture(scope="module")
def release(staging: Staging) -> Iterator[Release]:
    stack, run = staging.stack, Release(staging.visitors(readers=3, writers=1))
    with tempfile.TemporaryDirectory(prefix="tandem-release-") as made:
        folder = Path(made)
        last = next_release(staging, folder)
        with run.visitors.visiting():
            run.before_migrating = start_too_early(staging, folder)
            stack.manage("migrate", "--no-seed", "--verbosity", "0", cwd=folder)
            run.columns["expanded"] = column(staging)
            stack.await_ready("web-2")
            run.tags["old code, new table"] = write_tag(staging, "web-1", "old-code")
            stack.undrain("web-2")
            run.tags["new code"] = write_tag(staging, "web-2", "new-code")
            take_over(staging, "web-1", folder)
            for name in WEBS:
                take_over(staging, name, ROOT)
            run.tags["back on old code"] = write_tag(staging, "web-2", "back-again")
            stack.manage("migrate", "cms", last, "--verbosity", "0", cwd=folder)
            run.columns["contracted"] = column(staging)
            run.visitors.more(50)
        staging.figures.append(f"a migration forth and back while serving: {run.visitors.summary}")
        yield run
        stack.code.clear()


def start_too_early(staging: Staging, folder: Path) -> int | str:
    """web-2 on the new code, drained, before the migration."""
    stack = staging.stack
    stack.drain("web-2")
    stack.processes.stop("web-2")
    stack.code["web-2"] = folder
    stack.start("web-2")
    eventually(lambda: ask(stack.ports["web-2"], "/livez") == 200, "the new code is alive")
    return ask(stack.ports["web-2"], "/readyz")


def write_tag(staging: Staging, name: str, tag: str) -> int:
    headers = {"Authorization": staging.admin.headers["Authorization"]}
    with staging.client() as client:
        return client.post(f"{staging.stack.url_of(name)}/api/v2/tags", json={"name": tag}, headers=headers).status_code


def test_new_code_is_not_ready_before_its_migration_has_run(release: Release) -> None:
    assert release.before_migrating == 503


def test_the_column_comes_and_goes(release: Release) -> None:
    assert release.columns == {"expanded": 1, "contracted": 0}


def test_old_and_new_code_both_write_while_both_run(release: Release) -> None:
    assert release.tags == {"old code, new table": 201, "new code": 201, "back on old code": 201}


def test_nobody_notices(release: Release) -> None:
    assert release.visitors.failed == []
    assert release.visitors.sent > 300
