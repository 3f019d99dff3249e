"""What needs neither npm nor a server of the clients' packages. tests/live/test_generated_clients.py uses them whole."""

import ast
import json
import re
import zipfile
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from scripts.clients.__main__ import languages_of
from scripts.clients.packages import DOCUMENT, PYTHON, ROOT, TYPESCRIPT, build_python_package, version_of


def sample_of(readme: Path) -> str:
    [sample] = re.findall(r"^```(?:python|ts)\n(.+?)^```$", readme.read_text(), re.MULTILINE | re.DOTALL)
    return str(sample)


def cut(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the document with GET of one path, and the components that it refers to."""
    operation, kept = document["paths"][path]["get"], dict[str, dict[str, Any]]()
    waiting = [operation]
    while waiting:
        for kind, name in re.findall(r'"#/components/(\w+)/([\w.-]+)"', json.dumps(waiting.pop())):
            if name not in kept.setdefault(kind, {}):
                kept[kind][name] = document["components"][kind][name]
                waiting.append(kept[kind][name])
    kept["securitySchemes"] = document["components"]["securitySchemes"]
    return {**document, "paths": {path: {"get": operation}}, "components": kept}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The sdist and the wheel of a document with one operation, which are made sooner."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "document.json").write_text(json.dumps(cut(json.loads(DOCUMENT.read_bytes()), "/posts")))
    return build_python_package(folder / "document.json", folder)


def test_the_python_packages_have_the_version_of_the_document_and_all_that_a_reader_of_types_needs(
    packages: list[Path],
) -> None:
    version = version_of(DOCUMENT)
    assert {p.name for p in packages} == {f"tandem_client-{version}{e}" for e in ("-py3-none-any.whl", ".tar.gz")}
    [wheel] = [package for package in packages if package.suffix == ".whl"]
    with zipfile.ZipFile(wheel) as files:
        metadata = BytesParser().parsebytes(files.read(f"tandem_client-{version}.dist-info/METADATA"))
        assert "tandem_client/py.typed" in files.namelist()
    assert [metadata[name] for name in ("Name", "Version", "License-Expression")] == ["tandem-client", version, "MIT"]
    needed = {re.split(r"[<>=]", requirement)[0] for requirement in metadata.get_all("Requires-Dist", [])}
    assert needed == {"httpx", "attrs"}
    assert metadata.get_payload() == (PYTHON / "README.md").read_text()


def test_the_sample_in_the_readme_of_the_python_package_imports_what_the_package_has(packages: list[Path]) -> None:
    tree = ast.parse(sample_of(PYTHON / "README.md"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    [wheel] = [package for package in packages if package.suffix == ".whl"]
    with zipfile.ZipFile(wheel) as files:
        modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files.namelist()}
        exported = "".join(files.read(f"tandem_client/{place}__init__.py").decode() for place in ("", "models/"))
    assert len(imports) == 3
    for node in imports:
        for name in node.names:
            assert f"{node.module}.{name.name}" in modules or f'"{name.name}"' in exported


def test_the_guide_has_the_samples_of_the_packages_and_the_names_of_their_files() -> None:
    guide, version = (ROOT / "docs/guides/clients.md").read_text(), version_of(DOCUMENT)
    assert sample_of(PYTHON / "README.md") in guide
    assert sample_of(TYPESCRIPT / "README.md") in guide
    named = {*re.findall(r"tandem[_-]client-\d[\w.-]*", guide)}
    assert named == {f"tandem_client-{version}{e}" for e in ("-py3-none-any.whl", ".tar.gz")} | {
        f"tandem-client-{version}.tgz"
    }


@pytest.mark.parametrize(
    ("arguments", "languages"), [([], ["python", "typescript"]), (["typescript"], ["typescript"])], ids=["none", "one"]
)
def test_the_command_builds_both_packages_unless_it_is_asked_for_one(
    arguments: list[str], languages: list[str]
) -> None:
    assert languages_of(arguments) == languages
