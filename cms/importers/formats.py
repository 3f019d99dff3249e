"""The formats that can be imported, and recognising the format of a path."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cms.importers import exported, ghost, markdown, wxr
from cms.importers.sources import Source, SourceUnreadable

AUTO: Final = "auto"
FORMATS: Final[dict[str, Callable[[Path], Sequence[Source]]]] = {
    "wxr": wxr.open_sources,
    "markdown": markdown.open_sources,
    "ghost": ghost.open_sources,
    "tandem": exported.open_sources,
}
# The first that takes the path for its own; an export of this project in Markdown is a folder of Markdown files too.
DETECTORS: Final[dict[str, Callable[[Path], bool]]] = {
    "tandem": exported.looks_like,
    "markdown": markdown.looks_like,
    "ghost": ghost.looks_like,
    "wxr": wxr.looks_like,
}


def open_sources(path: Path, format_name: str) -> Sequence[Source]:
    """Return the sources at `path`. Raises SourceUnreadable when there are none, before anything is written."""
    try:
        if not path.exists():
            raise SourceUnreadable(f"There is no file or folder {path}.")
        if not (path.is_file() or path.is_dir()):
            raise SourceUnreadable(f"{path} is neither a file nor a folder.")
        if format_name == AUTO or (format_name == "markdown" and exported.looks_like(path)):
            format_name = detect_format(path)
        return FORMATS[format_name](path)
    except OSError as error:
        raise SourceUnreadable(f"{path} can't be read: {error.strerror or error}.") from error


def detect_format(path: Path) -> str:
    for name, looks_like in DETECTORS.items():
        if looks_like(path):
            return name
    raise SourceUnreadable(f"{path} holds no content in a known format ({', '.join(FORMATS)}).")
