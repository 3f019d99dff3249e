"""The pixels that decoding an AVIF makes, by its boxes and bitstreams. An unknown structure is refused.

Decoders take the size of each picture from its bitstream, and only then scale it to the size that the file claims.
"""

from typing import Final, NoReturn

from cms.media.av1 import read_bounds
from cms.media.boxes import (
    TABLE_BYTES_MAX,
    Boxes,
    Table,
    group_boxes,
    only,
    read_boxes,
    read_item_bytes,
    read_item_types,
)
from cms.media.refusals import refuse

CODED_MAX: Final = 4
"""A picture, its alpha, and a thumbnail of each."""
_LARGE: Final = (b"idat", b"iprp")  # they may hold the picture itself, and its colour profile
_SEQUENCES: Final = {b"moov", b"mini"}  # the latter stands for `meta`, in a form that no tool writes yet
_METADATA: Final = {b"Exif", b"mime"}
type _Properties = list[tuple[bytes, memoryview]]


def count_pixels(data: bytes) -> int:
    """Return how many pixels the largest frame may have that a decoder makes of this file.

    Takes time and memory in proportion to the file. Raises InvalidInput for tiles and animations. Raises ValueError,
    LookupError or struct.error for a file that isn't understood, or whose picture is larger than it claims. Sources:
    ISO/IEC 14496-12 section 8.11, ISO/IEC 23008-12 section 6, AV1 Image File Format 1.1.0 section 2.
    """
    file = memoryview(data)
    boxes = group_boxes(read_boxes(file))
    if boxes.keys() & _SEQUENCES:
        _refuse_parts()
    meta = group_boxes(read_boxes(only(boxes, b"meta")[4:]))
    types = read_item_types(only(meta, b"iinf"))
    coded = [item for item, kind in types.items() if kind == b"av01"]
    if len(coded) > CODED_MAX or set(types.values()) - {b"av01"} - _METADATA:
        _refuse_parts()
    if any(len(box) > TABLE_BYTES_MAX for name in meta if name not in _LARGE for box in meta[name]):
        raise ValueError("a table is too long")
    primary = Table(only(meta, b"pitm"))
    if primary.take(4 if primary.version else 2) not in coded:
        raise ValueError("no picture")
    parts = read_item_bytes(only(meta, b"iloc"), file, meta)
    properties = _read_properties(group_boxes(read_boxes(only(meta, b"iprp"))))
    return max(_count_item_pixels(b"".join(parts[item]), properties[item]) for item in coded)


def _refuse_parts() -> NoReturn:
    refuse(
        "unsupported_type",
        "This AVIF holds several pictures, such as tiles, frames or a gain map. Save it as a single one, or as a JPEG.",
    )


def _read_properties(boxes: Boxes) -> dict[int, _Properties]:
    """Return the properties of each item by its id (`ipco`, `ipma`: ISO/IEC 23008-12 section 9.3)."""
    known, table = list(read_boxes(only(boxes, b"ipco"))), Table(only(boxes, b"ipma"))
    is_long = table.flags & 1
    properties: dict[int, _Properties] = {}
    for _ in range(table.take(4)):
        item = table.take(4 if table.version else 2)
        if item in properties:
            raise ValueError("two lists of properties")
        numbers = [table.take(2) & 0x7FFF if is_long else table.take(1) & 0x7F for _ in range(table.take(1))]
        properties[item] = [known[number - 1] for number in numbers if number]  # 0 stands for none
    return properties


def _count_item_pixels(stream: bytes, properties: _Properties) -> int:
    """Hold the bitstream, and the headers copied from it (AVIF section 2.2.1), against the size of the item."""
    boxes = group_boxes(properties)
    size, headers = Table(only(boxes, b"ispe")), only(boxes, b"av1C")[4:]
    width, height = size.take(4), size.take(4)
    found = [read_bounds(headers), read_bounds(memoryview(stream))]
    if any(bounds.width > width or bounds.height > height for bounds in found):
        raise ValueError("a picture is larger than it claims")
    return max(bounds.pixels for bounds in found)
