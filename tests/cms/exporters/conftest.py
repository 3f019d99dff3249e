"""Fixtures that exporters' tests share: exports of the test database, and their bytes to compare."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cms.exporters.writing import DOCUMENT, write_json, write_markdown


def export_to(path: Path, format_name: str) -> Path:
    """Export the database to a new folder at `path`."""
    path.mkdir(parents=True)
    if format_name == "markdown":
        write_markdown(path, advance=lambda: None)
    else:
        write_json(path / DOCUMENT, advance=lambda: None)
    return path


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def export(db: None, tmp_path: Path) -> Callable[..., Path]:
    """`export("markdown", "first")`: an export of what the database holds now, in a folder of that name."""
    return lambda format_name, name="export": export_to(tmp_path / name, format_name)
