"""The secret key of a clone that was given none: made once, kept in a file that only its owner may read."""

import os
import secrets
import sys
import tempfile
from pathlib import Path

LENGTH_MIN = 32


def load_or_make_secret_key(path: Path) -> str:
    """Return the key in `path`; make it (mode 0600) if absent. Safe when several processes start at once."""
    try:
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(50))
        key = path.read_text().strip()
    except OSError as error:
        sys.exit(f"SECRET_KEY is not set, and none can be kept in {path}: {error.strerror}.")
    if len(key) < LENGTH_MIN:
        sys.exit(
            f"SECRET_KEY is not set, and the key in {path} is shorter than {LENGTH_MIN} characters: delete the file."
        )
    return key


def _write_once(path: Path, key: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret_key.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(key + "\n")
        # A link is made whole or not at all and never replaces a key that another process has made meanwhile.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()
