"""The package as an index would show it, and what it holds."""

import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Final

import canary
from tests.library.strangers import PACKAGE, ROOT, new_environment, pinned, run

SETTINGS: Final = (
    "from django.conf import settings;settings.configure(INSTALLED_APPS=['canary'], CANARY={'ARMS': {1: 'a', 2: 'b'}})"
)


def test_it_holds_the_canary_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    kept = {path for path in (ROOT / "canary").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert names == {path.relative_to(ROOT).as_posix() for path in kept}
    assert {"canary/py.typed", "canary/static/canary/page.js", "canary/locale/ja/LC_MESSAGES/django.mo"} <= names


def test_its_metadata_name_versions_that_it_is_tested_with(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("/METADATA")]
        told = message_from_bytes(packed.read(name))
    assert (told["Name"], told["Version"]) == ("django-version-canary", canary.__version__)
    requirements = told.get_all("Requires-Dist") or []
    assert [one for one in requirements if "extra" not in one] == ["django>=5.2", "djangorestframework>=3.16"]
    classifiers, newest = told.get_all("Classifier") or [], ".".join(pinned("django").partition("==")[2].split(".")[:2])
    assert {"Framework :: Django :: 5.2", f"Framework :: Django :: {newest}"} <= {*classifiers}
    assert told.get_payload().startswith("# django-version-canary")


def test_its_licence_is_that_of_the_repository() -> None:
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_metrics_without_their_library_name_the_extra(python: Path, tmp_path: Path) -> None:
    script = f"{SETTINGS}; import django; django.setup(); import canary.metrics.scraping"
    told = run(python, "-c", script, folder=tmp_path, is_refused=True)
    assert "pip install 'django-version-canary[prometheus]'" in told


def test_the_extra_is_all_that_metrics_need(wheel: Path, tmp_path: Path) -> None:
    extra = f"{wheel}[prometheus]"
    bare = new_environment(tmp_path / "environment", extra, pinned("django"), pinned("djangorestframework"))
    script = f"{SETTINGS}; import django; django.setup(); import canary.metrics.scraping as s; print(s.metrics)"
    assert "function metrics" in run(bare, "-c", script, folder=tmp_path)
