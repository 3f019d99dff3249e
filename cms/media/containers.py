"""Image files without what isn't the image: places, dates, names, comments, previews, and bytes after the end.

The pixels are copied as they are compressed, so nothing of the picture is lost. Broken files raise ValueError,
IndexError or struct.error. Each format keeps a list of the parts it needs; all others go.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Final

PARTS_MAX: Final = 100_000
"""A part of three bytes becomes an object of fifty, so that millions would take more memory than a picture."""

# ITU-T T.81 table B.1.
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_FRAMES: Final = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_STANDALONE: Final = {0x01, *range(0xD0, 0xD8)}
_JPEG_SAYING_UPRIGHT: Final = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0")
_JFIF_BYTES: Final = 14  # without the preview that may follow
_AFTER_SCAN = re.compile(rb"\xff+[\x02-\xcf\xd8-\xfe]")  # neither a stuffed zero nor a restart marker

# PNG third edition, section 4.7; all that decides what is seen, animation included.
_PNG_KEPT: Final = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI"),
    *(b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"),
}
_PNG_REPEATED: Final = {b"IDAT", b"fcTL", b"fdAT"}
_PNG_SAYING_UPRIGHT: Final = (
    *(b"eXIf", b"iTXtXML:com.adobe.xmp\0"),
    *(kind + b"Raw profile type exif\0" for kind in (b"zTXt", b"tEXt", b"iTXt")),  # as ImageMagick writes it
)
# RFC 9649 section 2.7.
_WEBP_KEPT: Final = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_WEBP_EXIF_AND_XMP: Final = 0x08 | 0x04
# GIF89a, sections 18 to 27; applications: looping, and a colour profile.
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B
_GIF_CONTROL, _GIF_COMMENT, _GIF_APPLICATION = 0xF9, 0xFE, 0xFF
_GIF_APPLICATIONS: Final = {b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"}


def _bounded[**P, Part](walk: Callable[P, Iterator[Part]]) -> Callable[P, Iterator[Part]]:
    """Raise ValueError once a file has more than `PARTS_MAX`."""

    @wraps(walk)
    def walk_on(*args: P.args, **kwargs: P.kwargs) -> Iterator[Part]:
        for number, part in enumerate(walk(*args, **kwargs)):
            if number == PARTS_MAX:
                raise ValueError("too many parts")
            yield part

    return walk_on


def strip_jpeg(data: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(_jpeg_parts(data)) + b"\xff\xd9"


def thin_jpeg(data: bytes) -> bytes:
    """Return it stripped, with the first part of each kind that may say which way up it is.

    Pillow copies all the parts of a kind again for each one more.
    """
    return b"\xff\xd8" + b"".join(_jpeg_parts(data, _JPEG_SAYING_UPRIGHT)) + b"\xff\xd9"


def has_more_scans(data: bytes) -> bool:
    """Return whether the first scan of a JPEG leaves something to others: then all of it is kept until the last."""
    at, components = 2, 0
    while (marker := data[at + 1]) != _EOI:
        if data[at] != 0xFF:
            raise ValueError("no marker where one has to be")
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            components = data[at + 9]
        if marker == _SOS:
            return data[at + 4] < components
        at += 2 + _big16(data, at + 2)
    raise ValueError("no scan")


@_bounded
def _jpeg_parts(data: bytes, wanted: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield the parts that are needed, and the first one with each of the `wanted` beginnings."""
    at = 2
    while (marker := data[at + 1]) != _EOI:
        if data[at] != 0xFF:
            raise ValueError("no marker where one has to be")
        if marker == 0xFF or marker in _STANDALONE:  # fill bytes, and markers that say nothing here
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + _big16(data, at + 2)
        if marker == _APP1 and (found := [head for head in wanted if data.startswith(head, at + 4, end)]):
            wanted = [head for head in wanted if head not in found]
            yield data[at:end]
        yield _kept_jpeg_segment(marker, data[at:end])
        at = end
        if marker == _SOS:
            following = _AFTER_SCAN.search(data, at)
            if following is None:
                raise ValueError("no end after a scan")
            yield data[at : following.start()]
            at = following.start()


def _kept_jpeg_segment(marker: int, segment: bytes) -> bytes:
    body = segment[4:]
    if marker == _APP0:
        # Density and version; the two zeros stand for the size of the preview.
        return b"\xff\xe0\x00\x10" + body[: _JFIF_BYTES - 2] + b"\0\0" if body.startswith(b"JFIF\0") else b""
    if marker == _APP2:
        return segment if body.startswith(b"ICC_PROFILE\0") else b""
    if marker == _APP14:
        return segment if body.startswith(b"Adobe") else b""  # says which colours the channels are
    return b"" if marker == _COM or _APP0 < marker <= _APP15 else segment


def strip_png(data: bytes) -> bytes:
    return b"".join(_png_parts(data))


def thin_png(data: bytes) -> bytes:
    """As `thin_jpeg`. Pillow unpacks each colour profile and each text that it meets."""
    return b"".join(_png_parts(data, _PNG_SAYING_UPRIGHT))


@_bounded
def _png_parts(data: bytes, wanted: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield the parts that are needed, one where there may be one, and the first with each `wanted` beginning."""
    yield data[:8]
    at, name, seen = 8, b"", set[bytes]()
    while name != b"IEND":
        (length,) = struct.unpack_from(">L", data, at)
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise ValueError("a chunk is cut off")
        kind = name if name in _PNG_KEPT else next((head for head in wanted if data.startswith(head, at + 4, end)), b"")
        if kind in _PNG_REPEATED or (kind and kind not in seen):
            seen.add(kind)
            yield data[at:end]
        at = end


def strip_webp(data: bytes) -> bytes:
    parts = []
    for name, start, end in _webp_chunks(data):
        if name == b"VP8X":
            flags = data[start + 8] & ~_WEBP_EXIF_AND_XMP
            parts.append(data[start : start + 8] + bytes([flags]) + data[start + 9 : end])
        elif name in _WEBP_KEPT:
            parts.append(data[start:end])
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def is_lossless_webp(data: bytes) -> bool:
    return any(name == b"VP8L" for name, _, _ in _webp_chunks(data))


@_bounded
def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk, with the byte that fills it up to an even length."""
    at, stop = 12, 8 + struct.unpack_from("<L", data, 4)[0]
    while at < stop:
        (length,) = struct.unpack_from("<L", data, at + 4)
        end = at + 8 + length + length % 2
        if end > len(data):
            raise ValueError("a chunk is cut off")
        yield data[at : at + 4], at, end
        at = end


def strip_gif(data: bytes) -> bytes:
    parts = [data[: _gif_begin(data)]]
    for start, end in _gif_blocks(data):
        if data[start] == _GIF_IMAGE or _is_kept_extension(data, start):
            parts.append(data[start:end])
    return b"".join([*parts, bytes([_GIF_END])])


def gif_extents(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield how far each frame reaches to the right and down, from the left upper corner of all."""
    for start, _ in _gif_blocks(data):
        if data[start] == _GIF_IMAGE:
            left, top, width, height = struct.unpack_from("<4H", data, start + 1)
            yield left + width, top + height


def _gif_begin(data: bytes) -> int:
    return 13 + _gif_table_bytes(data[10])


@_bounded
def _gif_blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each."""
    at = _gif_begin(data)
    while (kind := data[at]) != _GIF_END:
        start, at = at, at + (2 if kind == _GIF_EXTENSION else 10)
        if kind == _GIF_IMAGE:
            at += _gif_table_bytes(data[at - 1]) + 1
        elif kind != _GIF_EXTENSION:
            raise ValueError("no block where one has to be")
        else:
            _refuse_empty_extension(data, start)
        at = _after_sub_blocks(data, at)
        yield start, at


def _refuse_empty_extension(data: bytes, start: int) -> None:
    """Raise ValueError for one behind whose end Pillow reads on, as if it had not ended: frames could hide there.

    So it does after an empty first sub-block, unless of a comment, and after the name of an application alone.
    """
    label, at = data[start + 1], start + 2
    if label == _GIF_COMMENT:
        return
    if not data[at] or (label == _GIF_APPLICATION and not data[at + 1 + data[at]]):
        raise ValueError("an extension is empty")


def _is_kept_extension(data: bytes, start: int) -> bool:
    label = data[start + 1]
    return label == _GIF_CONTROL or (label == _GIF_APPLICATION and data[start + 3 : start + 14] in _GIF_APPLICATIONS)


def _gif_table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += length + 1
    return at + 1


def _big16(data: bytes, at: int) -> int:
    (number,) = struct.unpack_from(">H", data, at)
    if number < 2 or at + number > len(data):
        raise ValueError("a segment is cut off")
    return int(number)
