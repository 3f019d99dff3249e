"""Names of sources and external ids, as the import records hold them: both are in one row of a PostgreSQL index."""

import hashlib
from typing import Final

EXTERNAL_ID_MAX: Final = 500
SOURCE_NAME_MAX: Final = 300
# A row of a btree index has 2,704 bytes at most. Texts of up to three bytes a character are as long as they may be.
EXTERNAL_ID_BYTES_MAX: Final = 1_500
SOURCE_NAME_BYTES_MAX: Final = 1_100
_DIGEST: Final = 65


def fit_key(text: str) -> str:
    """Return `text` as an external id."""
    return _fitted(text, EXTERNAL_ID_MAX, EXTERNAL_ID_BYTES_MAX)


def fit_source_name(text: str) -> str:
    """Return `text` as the name of a source."""
    return _fitted(text, SOURCE_NAME_MAX, SOURCE_NAME_BYTES_MAX)


def _fitted(text: str, characters: int, octets: int) -> str:
    """Return the text; if it is too long or has what no database stores, its beginning and a digest of it."""
    written, kept = text.encode("utf-8", "surrogatepass"), text.replace("\x00", "").encode("utf-8", "ignore")
    if kept == written and len(text) <= characters and len(written) <= octets:
        return text
    beginning = kept.decode()[: characters - _DIGEST].encode()[: octets - _DIGEST].decode("utf-8", "ignore")
    return f"{beginning} {hashlib.sha256(written).hexdigest()}"
