"""PostgreSQL refuses a row of an index beyond 2,704 bytes: no text that a column may hold is as long."""

import random
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection

from cms import limits
from cms.importers.keys import EXTERNAL_ID_BYTES_MAX, SOURCE_NAME_BYTES_MAX
from cms.services.tags import fold_tag_name

INDEXES: Final = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
    WHERE n.nspname = current_schema() AND m.amname = 'btree' AND c.relpersistence = 'p' ORDER BY 1, 2
"""
TEXTS: Final = """
    SELECT attname, atttypmod - 4 FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND atttypid = 'varchar'::regtype
"""
UNBOUNDED: Final = """
    SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
    WHERE n.nspname = current_schema() AND m.amname = 'btree' AND a.atttypid = 'text'::regtype
"""


def _worst_key_bytes() -> int:
    """Return how many bytes the key of a tag's name can have: some characters become many."""
    characters = (chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    return limits.TAG_NAME[1] * max(len(fold_tag_name(one).encode()) for one in characters if not one.isascii())


# Columns whose texts have fewer bytes than four for each of their characters.
BYTES: Final[dict[str, Callable[[], int]]] = {
    "cms_importrecord.source": lambda: SOURCE_NAME_BYTES_MAX,
    "cms_importrecord.external_id": lambda: EXTERNAL_ID_BYTES_MAX,
    "cms_passkey.credential_id": lambda: 1_364,  # base64
    "cms_redirect.old_path": lambda: limits.OLD_PATH_BYTES_MAX,
    "cms_tag.name_key": _worst_key_bytes,
}


def incompressible(octets: int) -> str:
    """PostgreSQL compresses long texts: others of the same length may fit where these don't."""
    letters = random.Random(octets)
    text = "".join(chr(letters.randrange(0x20000, 0x2A000)) for _ in range(octets // 4))
    return text + "x" * (octets % 4)


@pytest.fixture
def cursor(db: None) -> Any:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's indexes have no such limit")
    with connection.cursor() as cursor:
        yield cursor


def test_every_index_holds_the_longest_texts_of_its_columns(cursor: Any) -> None:
    cursor.execute(INDEXES)
    tables: dict[str, list[str]] = {}
    for table, definition in cursor.fetchall():
        tables.setdefault(table, []).append(definition)
    filled = set()
    for table, definitions in tables.items():
        cursor.execute(TEXTS, [f'"{table}"'])
        texts = {
            name: incompressible(BYTES.get(f"{table}.{name}", lambda most=most: 4 * most)())
            for name, most in cursor.fetchall()
        }
        if not texts:
            continue
        filled |= {f"{table}.{name}" for name in texts}
        cursor.execute(f'CREATE TEMP TABLE longest AS SELECT * FROM "{table}" WITH NO DATA')
        for name in texts:
            cursor.execute(f'ALTER TABLE longest ALTER COLUMN "{name}" TYPE text')
        columns = ", ".join(f'"{name}"' for name in texts)
        places = ", ".join(["%s"] * len(texts))
        cursor.execute(f"INSERT INTO longest ({columns}) VALUES ({places})", [*texts.values()])
        for definition in definitions:
            bare = re.sub(r" WHERE .*", "", re.sub(r".* USING", "CREATE INDEX ON longest USING", definition))
            cursor.execute(bare)
        cursor.execute("DROP TABLE longest")
    assert filled > BYTES.keys()
    assert {"cms_post.slug", "cms_category.name", "cms_linkedidentity.subject"} < filled


def test_no_text_without_a_limit_is_in_an_index(cursor: Any) -> None:
    cursor.execute(UNBOUNDED)
    assert cursor.fetchall() == []


def test_one_byte_too_many_for_the_index_is_noticed(cursor: Any) -> None:
    """The walk above would find nothing if PostgreSQL compressed its texts."""
    cursor.execute("CREATE TEMP TABLE longest (old_path text)")
    cursor.execute("INSERT INTO longest VALUES (%s)", [incompressible(2_704)])
    with pytest.raises(Exception, match="index row size"):
        cursor.execute("CREATE INDEX ON longest (old_path)")
