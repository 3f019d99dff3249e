"""Boxes and their tables in files of the ISO base media file format (ISO/IEC 14496-12). Nothing is copied.

All raise ValueError, LookupError or struct.error for what isn't understood, and read no byte more than once.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

BOXES_MAX: Final = 1_000
TABLE_BYTES_MAX: Final = 16 * 1024
"""Encoders need some hundred. Decoders look for each item that a table names among all those before it."""
_INT_BYTES: Final = {0, 4, 8}
type Boxes = dict[bytes, list[memoryview]]


class Table:
    """The numbers of a FullBox (section 4.2.2), one after the other. Raises ValueError behind its end."""

    def __init__(self, box: memoryview) -> None:
        self.version, self.flags = box[0], int.from_bytes(box[1:4])
        self._box, self._at = box, 4
        if len(box) > TABLE_BYTES_MAX:
            raise ValueError("a table is too long")

    def take(self, length: int) -> int:
        start, self._at = self._at, self._at + length
        if self._at > len(self._box):
            raise ValueError("a table is cut off")
        return int.from_bytes(self._box[start : self._at])


def read_boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and the content of each box (section 4.2.2)."""
    at = 0
    for _ in range(BOXES_MAX):
        if at == len(data):
            return
        length, name = struct.unpack_from(">L4s", data, at)
        head = 8
        if length == 1:
            (length,), head = struct.unpack_from(">Q", data, at + 8), 16
        end = at + length if length else len(data)
        if not at + head <= end <= len(data):
            raise ValueError("a box is cut off")
        yield name, data[at + head : end]
        at = end
    raise ValueError("too many boxes")


def group_boxes(boxes: Iterator[tuple[bytes, memoryview]] | list[tuple[bytes, memoryview]]) -> Boxes:
    groups: Boxes = {}
    for name, body in boxes:
        groups.setdefault(name, []).append(body)
    return groups


def only(boxes: Mapping[bytes, list[memoryview]], name: bytes) -> memoryview:
    """Return the box of this name, of which there has to be one."""
    (box,) = boxes[name]
    return box


def read_item_types(box: memoryview) -> dict[int, bytes]:
    """Return the type of each item by its id (`iinf`: section 8.11.6)."""
    types: dict[int, bytes] = {}
    for name, body in read_boxes(box[8 if box[0] else 6 :]):
        entry = Table(body)
        item = entry.take({2: 2, 3: 4}[entry.version])
        if name != b"infe" or item in types:
            raise ValueError("no item where one has to be")
        entry.take(2)
        types[item] = entry.take(4).to_bytes(4)
    return types


def read_item_bytes(box: memoryview, file: memoryview, meta: Boxes) -> dict[int, list[memoryview]]:
    """Return the parts of each item's bytes by its id (`iloc`: section 8.11.3)."""
    table = Table(box)
    has_method, id_bytes = {0: (False, 2), 1: (True, 2), 2: (True, 4)}[table.version]
    sizes = table.take(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    if not {offset_bytes, length_bytes, base_bytes, index_bytes} <= _INT_BYTES or not length_bytes:
        raise ValueError("an unknown length of numbers")
    items: dict[int, list[memoryview]] = {}
    left = 2 * len(file)  # encoders store the bytes of equal pictures once
    for _ in range(table.take(id_bytes)):
        item, method = table.take(id_bytes), table.take(2) if has_method else 0
        if table.take(2) or method > 1 or item in items:
            raise ValueError("bytes of another file, or of an item twice")
        source, base = only(meta, b"idat") if method else file, table.take(base_bytes)
        items[item] = []
        for _ in range(table.take(2)):
            table.take(index_bytes if has_method else 0)
            start, length = base + table.take(offset_bytes), table.take(length_bytes)
            left -= length
            if left < 0 or start + length > len(source):
                raise ValueError("more bytes than there are")
            items[item].append(source[start : start + length])
    return items
