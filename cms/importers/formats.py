"""The formats that can be imported, and telling which one a path holds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cms.importers import markdown, wxr
from cms.importers.sources import Source, SourceUnreadable

AUTO: Final = "auto"
FORMATS: Final[dict[str, Callable[[Path], Sequence[Source]]]] = {
    "wxr": wxr.open_sources,
    "markdown": markdown.open_sources,
}


def open_sources(path: Path, format_name: str) -> Sequence[Source]:
    """What there is to import at `path`. Raises SourceUnreadable when that is nothing, before anything is written."""
    try:
        if not path.exists():
            raise SourceUnreadable(f"There is no file or folder {path}.")
        return FORMATS[detect_format(path) if format_name == AUTO else format_name](path)
    except OSError as error:
        raise SourceUnreadable(f"{path} can't be read: {error.strerror or error}.") from error


def detect_format(path: Path) -> str:
    if markdown.looks_like(path):
        return "markdown"
    if wxr.looks_like(path):
        return "wxr"
    raise SourceUnreadable(f"{path} holds no content in a known format ({', '.join(FORMATS)}).")
