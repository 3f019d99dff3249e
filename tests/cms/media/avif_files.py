"""AVIF files put together box by box around bitstreams that Pillow has encoded, so that they may claim anything."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.cms.media.pictures import encode


@dataclass(frozen=True)
class Item:
    stream: bytes
    size: tuple[int, int] = (0, 0)
    header: bytes = b""
    """The content of its `av1C`."""
    kind: bytes = b"av01"
    repeats: int = 1
    """How often its location names the same bytes."""


def coded(size: tuple[int, int], claimed: tuple[int, int] | None = None, **options: Any) -> Item:
    """A grey picture of this size, that claims to have another one."""
    content = encode(Image.new("RGB", size, (90, 90, 90)), "AVIF", speed=10, **options)
    found = content.index(b"av1C")
    header = content[found + 4 : found - 4 + int.from_bytes(content[found - 4 : found])]
    return Item(content[content.index(b"mdat") + 4 :], claimed or size, header)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">L", len(content) + 8) + name + content


def full_box(name: bytes, content: bytes, version: int = 0) -> bytes:
    return box(name, bytes([version, 0, 0, 0]) + content)


def avif_of(*items: Item, references: bytes = b"", within: bytes = b"", is_in_idat: bool = False) -> bytes:
    """The first item is the picture that is shown. `within` are boxes more in `meta`."""
    head = box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")
    body = b"".join(item.stream for item in items)
    start = 0 if is_in_idat else len(head) + len(_meta(items, 0, references, within, b"", method=0)) + 8
    if is_in_idat:
        return head + _meta(items, start, references, within, box(b"idat", body), method=1)
    return head + _meta(items, start, references, within, b"", method=0) + box(b"mdat", body)


def grid_of(cell: Item, rows: int, columns: int) -> bytes:
    """A picture of tiles, all of which are the same cell."""
    size = (cell.size[0] * columns, cell.size[1] * rows)
    grid = Item(bytes([0, 0, rows - 1, columns - 1]) + struct.pack(">HH", *size), size, cell.header, b"grid")
    cells = range(2, rows * columns + 2)
    dimg = struct.pack(f">HH{len(cells)}H", 1, len(cells), *cells)
    return avif_of(grid, *[cell] * len(cells), references=full_box(b"iref", box(b"dimg", dimg)))


def _meta(items: Sequence[Item], start: int, references: bytes, within: bytes, idat: bytes, *, method: int) -> bytes:
    count = struct.pack(">H", len(items))
    entries = b"".join(
        full_box(b"infe", struct.pack(">HH", number, 0) + item.kind + b"\0", 2) for number, item in enumerate(items, 1)
    )
    locations = b"".join(_locations(items, start, method))
    parts = [
        full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
        full_box(b"pitm", struct.pack(">H", 1)),
        full_box(b"iloc", b"\x44\0" + count + locations, method),
        full_box(b"iinf", count + entries),
        _properties(items),
        *(references, idat, within),
    ]
    return full_box(b"meta", b"".join(parts))


def _locations(items: Sequence[Item], start: int, method: int) -> Iterator[bytes]:
    for number, item in enumerate(items, 1):
        place = struct.pack(">LL", start, len(item.stream))
        how = struct.pack(">HH", number, method) if method else struct.pack(">H", number)
        yield how + struct.pack(">HH", 0, item.repeats) + place * item.repeats
        start += len(item.stream)


def _properties(items: Sequence[Item]) -> bytes:
    properties = b"".join(
        full_box(b"ispe", struct.pack(">LL", *item.size)) + box(b"av1C", item.header) for item in items
    )
    links = b"".join(
        struct.pack(">HBHH", number, 2, 2 * number - 1, 0x8000 | 2 * number) for number in range(1, len(items) + 1)
    )
    ipma = box(b"ipma", bytes([0, 0, 0, 1]) + struct.pack(">L", len(items)) + links)
    return box(b"iprp", box(b"ipco", properties) + ipma)


# -- bitstreams -------------------------------------------------------------------------------------------------------


def units(stream: bytes) -> list[tuple[int, bytes]]:
    """Type and content of each unit, as Pillow writes them: all have a length (section 5.3 of AV1's specification)."""
    found, at = [], 0
    while at < len(stream):
        kind, length, shift = stream[at] >> 3, 0, 0
        at += 1
        while True:
            length |= (stream[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not stream[at - 1] & 0x80:
                break
        found.append((kind, stream[at : at + length]))
        at += length
    return found


def unit(kind: int, content: bytes) -> bytes:
    length, size = len(content), b""
    while length > 0x7F:
        size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
    return bytes([kind << 3 | 2]) + size + bytes([length]) + content


def with_own_size(item: Item, claimed: tuple[int, int]) -> Item:
    """The same picture behind a sequence header of the claimed size: its frame overrides it (section 5.9.5)."""
    (sequence,) = [content for kind, content in units(item.stream) if kind == 1]
    (frame,) = [content for kind, content in units(item.stream) if kind == 6]
    old, bits = _bits(sequence), _bits(frame)
    width_bits, height_bits = int(old[10:14], 2) + 1, int(old[14:18], 2) + 1
    tools = old[18 + width_bits + height_bits :]
    assert old[4] == "1", "Pillow writes the reduced header of a single picture"
    assert bits[:3] == "000", "no tools for screens, no size to be shown in"
    # no timing, one operating point, sizes of 13 bits; no ids; no tools for several frames; frames may choose
    before = f"{old[:4]}000{0:05b}{0:012b}{old[5:10]}{12:04b}{12:04b}"
    sizes = f"{claimed[0] - 1:013b}{claimed[1] - 1:013b}"
    header = f"{before}{sizes}0{tools[:3]}0000011{tools[3:]}"
    # a key frame that is shown, with a size of its own, after which the probabilities are not kept: 32 bits more
    size = f"{item.size[0] - 1:013b}{item.size[1] - 1:013b}"
    own = f"0001001{size}01{bits[3:]}"
    return Item(unit(2, b"") + unit(1, _bytes(header)) + unit(6, _bytes(own)), claimed, item.header)


def _bits(content: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in content)


def _bytes(bits: str) -> bytes:
    padded = bits + "0" * (-len(bits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8)
