"""Pack a tree of plain values and arrays into bytes, and back, exact to the last bit.

The tree goes into JSON: Python writes floats so that reading returns the same bits. Arrays follow it as raw numbers,
little-endian on every machine.
"""

import json
import struct
import sys
import zlib
from array import array
from typing import Any, Final

MAGIC: Final = b"TEV2"
_ARRAY: Final = "$array"


def pack(tree: dict[str, Any]) -> bytes:
    arrays: list[array[Any]] = []

    def replaced(value: object) -> object:
        if not isinstance(value, array):
            raise TypeError(f"{type(value).__name__} can't be packed")
        arrays.append(value)
        return {_ARRAY: [value.typecode, len(value)]}

    text = json.dumps(tree, default=replaced, separators=(",", ":"), allow_nan=False).encode()
    body = b"".join([struct.pack("<I", len(text)), text, *map(_to_bytes, arrays)])
    return MAGIC + zlib.compress(body, 1)


def unpack(state: bytes) -> dict[str, Any]:
    """Return the tree of `pack`. Raises ValueError for bytes that `pack` of this version didn't make."""
    if not state.startswith(MAGIC):
        raise ValueError("This is not packed evidence of this version.")
    try:
        body = zlib.decompress(memoryview(state)[len(MAGIC) :])
        end = 4 + struct.unpack_from("<I", body)[0]
        reader = _Reader(body, end)
        tree: dict[str, Any] = json.loads(body[4:end], object_hook=reader.restore)
    except (zlib.error, struct.error) as error:
        raise ValueError("The packed evidence is damaged.") from error
    return tree


class _Reader:
    """Returns the arrays in the order in which JSON met them: both directions walk the tree alike."""

    def __init__(self, body: bytes, offset: int) -> None:
        self._body = body
        self._offset = offset

    def restore(self, value: dict[str, Any]) -> Any:
        if _ARRAY not in value:
            return value
        typecode, length = value[_ARRAY]
        numbers: array[Any] = array(typecode)
        end = self._offset + length * numbers.itemsize
        numbers.frombytes(self._body[self._offset : end])
        self._offset = end
        return _swapped(numbers)


def _to_bytes(numbers: array[Any]) -> bytes:
    return _swapped(array(numbers.typecode, numbers)).tobytes()


def _swapped(numbers: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
