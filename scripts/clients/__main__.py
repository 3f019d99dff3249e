"""`make clients`: write the packages of both clients into build/clients, or of one (`ONLY=python`, `ONLY=typescript`)."""

import argparse
import sys
from pathlib import Path
from typing import Final

from scripts.clients.packages import DOCUMENT, ROOT, ProgramMissing, build_npm_package, build_python_package

FOLDER: Final = ROOT / "build" / "clients"
BUILDERS: Final = {"python": build_python_package, "typescript": build_npm_package}
SUFFIXES: Final = {"python": (".whl", ".tar.gz"), "typescript": (".tgz",)}


def languages_of(arguments: list[str]) -> list[str]:
    """Return the languages to build for, Python first."""
    parser = argparse.ArgumentParser(prog="python -m scripts.clients", description=__doc__)
    parser.add_argument("language", nargs="?", choices=BUILDERS, help="by default both")
    language = parser.parse_args(arguments).language
    return [language] if language else [*BUILDERS]


def build(language: str) -> list[Path]:
    """Replace the packages of this language, those of other versions too."""
    packages = BUILDERS[language](DOCUMENT, FOLDER)
    for old in set(FOLDER.iterdir()) - set(packages):
        if old.name.endswith(SUFFIXES[language]):
            old.unlink()
    return packages


def main(arguments: list[str]) -> None:
    languages = languages_of(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        for language in languages:
            for package in build(language):
                print(package.relative_to(ROOT))
    except ProgramMissing as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(sys.argv[1:])
