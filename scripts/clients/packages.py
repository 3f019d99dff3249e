"""Turns a document of API v2 into packages: a wheel with its sdist, and a tarball for npm.

Both have the document's version. The Python part uses installed tools alone; npm fetches its locked tools once.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version as installed_version
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
DOCUMENT: Final = ROOT / "docs" / "openapi-v2.json"
PYTHON: Final = Path(__file__).parent / "python"
TYPESCRIPT: Final = Path(__file__).parent / "typescript"


class ProgramMissing(Exception):
    """A program of the machine that a build needs is not on PATH."""


def version_of(document: Path) -> str:
    version: str = json.loads(document.read_bytes())["info"]["version"]
    return version


def build_python_package(document: Path, folder: Path) -> list[Path]:
    """Write the wheel and the sdist into `folder`."""
    programs = Path(sys.executable).parent
    with TemporaryDirectory() as made:
        project = Path(made) / "project"
        generate = ("generate", "--path", document, "--output-path", project, "--meta", "uv", "--fail-on-warning")
        _run(programs / "openapi-python-client", *generate, "--config", PYTHON / "generator.yaml", folder=Path(made))
        _describe(project, version_of(document))
        packages = Path(made) / "packages"
        build = ("build", "--quiet", "--offline", "--no-create-gitignore", "--out-dir", packages, project)
        _run(programs / "uv", *build, folder=project)
        return [Path(shutil.move(package, folder / package.name)) for package in sorted(packages.iterdir())]


def build_npm_package(document: Path, folder: Path) -> list[Path]:
    """Write the tarball into `folder`."""
    tools = npm_tools()
    with TemporaryDirectory() as made:
        project = Path(made)
        for name in ("README.md", "index.ts", "tsconfig.json"):
            shutil.copy(TYPESCRIPT / name, project)
        shutil.copy(ROOT / "LICENSE", project)
        described = json.loads((TYPESCRIPT / "package.json").read_text()) | {"version": version_of(document)}
        (project / "package.json").write_text(json.dumps(described, indent=2) + "\n")
        (project / "node_modules").symlink_to(tools)
        # A declaration file would be left out of what the compiler writes.
        _run(tools / ".bin" / "openapi-typescript", document, "--output", "schema.ts", folder=project)
        _run(tools / ".bin" / "tsc", folder=project)
        _run(_npm(), "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, folder=project)
    return [folder / f"{described['name']}-{described['version']}.tgz"]


def npm_tools() -> Path:
    """Return the folder of the locked packages, installed once for each state of the lock file."""
    npm = _npm()
    digest = hashlib.sha256((TYPESCRIPT / "package-lock.json").read_bytes()).hexdigest()[:16]
    kept = ROOT / "build" / f"typescript-client-{digest}"
    if not kept.is_dir():
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(TYPESCRIPT / name, new)
        _run(npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", folder=new)
        new.rename(kept)
    return kept / "node_modules"


def _describe(project: Path, version: str) -> None:
    """Replace the generator's description of the project by ours, with the dependencies that the generator states."""
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    described = Template((PYTHON / "pyproject.toml.template").read_text()).substitute(
        version=version,
        requires_python=stated["requires-python"],
        dependencies=json.dumps(stated["dependencies"]),
        uv=installed_version("uv"),  # uv builds without its backend's package if it has this very version
    )
    (project / "pyproject.toml").write_text(described)
    shutil.copy(PYTHON / "README.md", project)
    shutil.copy(ROOT / "LICENSE", project)


def _npm() -> str:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise ProgramMissing("node and npm are not on PATH. Install Node.js 20, or run `make clients ONLY=python`.")
    return npm


def _run(*command: str | Path, folder: Path) -> None:
    """Run a program that has to succeed, with the programs of the virtual environment on its PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the generator calls ruff by its name
    env = {**os.environ, "PATH": path}
    subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
