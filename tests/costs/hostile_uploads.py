"""Bodies of uploads, and files in them, that are written to cost more than they weigh."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Final

BOUNDARY: Final = "x"
_FILE: Final = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
_END: Final = b"\r\n--x--\r\n"

_UNPACKED_MAX: Final = 50_000_000
"""More would cost the test."""

type Bytes = Callable[[int], bytes]
"""Takes the number of bytes that it shall have, about."""


def _filled(before: bytes, piece: bytes, after: bytes = b"") -> Bytes:
    return lambda size: before + piece * (size // len(piece)) + after


def _part(disposition: str, *more: str) -> bytes:
    return "\r\n".join(["--x", f"Content-Disposition: form-data; {disposition}", *more, "", "a", ""]).encode()


BODIES: Final[Mapping[str, Bytes]] = {
    "many texts": lambda size: b"".join(_part(f'name="a{number}"') for number in range(size // 60)) + b"--x--\r\n",
    "one text many times": _filled(b"", _part('name="alt_text"'), b"--x--\r\n"),
    "many files": _filled(b"", _part('name="file"; filename="a.txt"'), b"--x--\r\n"),
    "parts without a name": _filled(b"", b"--x\r\n\r\na\r\n", b"--x--\r\n"),
    "a long text": _filled(b'--x\r\nContent-Disposition: form-data; name="alt_text"\r\n\r\n', b"a", _END),
    "a long name": _filled(b'--x\r\nContent-Disposition: form-data; name="', b"a", b'"\r\n\r\na' + _END),
    "a long file name": _filled(
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="', b"a", b'"\r\n\r\na' + _END
    ),
    "an encoded file name": _filled(
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''", b"%41", b"\r\n\r\na" + _END
    ),
    "many headers of a part": _filled(b"--x\r\n", b"A: b\r\n", b"\r\na" + _END),
    "parameters of a part": _filled(b"--x\r\nContent-Disposition: form-data; ", b"a=b; ", b"\r\n\r\na" + _END),
    "a head without an end": _filled(b"--x\r\nContent-Disposition: ", b"a"),
    "boundaries": _filled(b"", b"--x\r\n"),
    "almost boundaries": _filled(_FILE, b"\r\n--y", _END),
    "line ends": _filled(_FILE, b"\r\n", _END),
    "dashes": _filled(_FILE, b"-", _END),
    "boundaries in boundaries": _filled(
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
        b"Content-Type: multipart/mixed; boundary=y\r\n\r\n",
        b"--y\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n",
    ),
    "base64 of blanks": _filled(
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n",
        b" ",
        _END,
    ),
    "base64 of a text": _filled(
        b'--x\r\nContent-Disposition: form-data; name="caption"\r\nContent-Transfer-Encoding: base64\r\n\r\n',
        b"YW",
        _END,
    ),
    "a file without an end": _filled(_FILE, b"a"),
    "nothing before a boundary": _filled(b"", b"a"),
}


def with_file(content: bytes, name: str) -> bytes:
    """A good body with this file."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + _END


# -- files ------------------------------------------------------------------------------------------------------------


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg_of_scans(size: int) -> bytes:
    """48 million pixels, all of which each scan of 40 bytes visits (ITU-T T.81, annex G)."""
    width, height = 8_000, 6_000
    blocks = width * height // 64
    run = 2**15 - 1  # blocks that one code says to be over
    bits = "0" + "1" * 14  # that code, and the number behind it
    codes = bits * -(-blocks // run)
    codes += "1" * (-len(codes) % 8)
    scan = bytes(int(codes[at : at + 8], 2) for at in range(0, len(codes), 8)).replace(b"\xff", b"\xff\x00")
    head = b"\xff\xd8" + _segment(0xDB, bytes([0, *[1] * 64]))
    head += _segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    one_code = bytes([1, *[0] * 15])
    head += _segment(0xC4, b"\x00" + one_code + b"\x00") + _segment(0xC4, b"\x10" + one_code + b"\xe0")
    first = _segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(blocks // 8)
    more = _segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + scan
    return head + first + more * (size // len(more)) + b"\xff\xd9"


def _png(size: tuple[int, int], *chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">LLBBBBB", *size, 8, 6, 0, 0, 0)
    written = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))
        for name, content in written
    )


def _png_of_texts(size: int) -> bytes:
    """Each chunk unpacks to a thousand times its size."""
    text = (b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000), 9))
    pixel = (b"IDAT", zlib.compress(bytes(5)))
    return _png((1, 1), *[text] * (size // len(text[1])), pixel)


def _png_of_a_profile(size: int) -> bytes:
    profile = (b"iCCP", b"a\0\0" + zlib.compress(bytes(min(size * 500, _UNPACKED_MAX)), 9))
    return _png((1, 1), profile, (b"IDAT", zlib.compress(bytes(5))))


def _png_of_profiles(size: int) -> bytes:
    """Each unpacks to a megabyte, which is as much as Pillow unpacks."""
    profile = (b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000), 9))
    return _png((1, 1), *[profile] * (size // len(profile[1])), (b"IDAT", zlib.compress(bytes(5))))


def _png_of_frames(size: int) -> bytes:
    """As many frames of one pixel as fit (APNG)."""
    frame = struct.pack(">LLLLLHHBB", 0, 1, 1, 0, 0, 1, 1, 0, 0)
    count = size // 60
    data = [(b"fdAT", struct.pack(">L", 1) + zlib.compress(bytes(5)))]
    first = [(b"acTL", struct.pack(">LL", count, 0)), (b"fcTL", frame), (b"IDAT", zlib.compress(bytes(5)))]
    return _png((1, 1), *first, *([(b"fcTL", frame), *data] * count))


def _gif(width: int, height: int, frame: bytes) -> Bytes:
    return _filled(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6), frame, b";")


def _riff(size: int) -> bytes:
    """Frames of one pixel (RFC 9649 section 2.7.1.1), none of which can be decoded."""
    frame = b"ANMF" + struct.pack("<L", 24) + bytes(16) + b"VP8L" + struct.pack("<L", 0)
    body = b"WEBPVP8X" + struct.pack("<L", 10) + b"\x02" + bytes(9) + b"ANIM" + struct.pack("<L", 6) + bytes(6)
    body += frame * (size // len(frame))
    return b"RIFF" + struct.pack("<L", len(body)) + body


def _boxes(size: int) -> bytes:
    """ISO/IEC 14496-12: boxes in which nothing is."""
    head = struct.pack(">L", 16) + b"ftypavif" + bytes(4)
    return head + (struct.pack(">L", 8) + b"free") * (size // 8)


def _archive(*main: str) -> Bytes:
    def write(size: int) -> bytes:
        output = io.BytesIO()
        with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("[Content_Types].xml", *main):
                archive.writestr(name, b"a")
            for number in range(size // 100):
                archive.writestr(f"{number}", b"")
            archive.writestr("bomb", bytes(min(size * 100, _UNPACKED_MAX)))
        return output.getvalue()

    return write


def _odf(kind: str) -> Bytes:
    def write(size: int) -> bytes:
        output = io.BytesIO()
        with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
            archive.writestr("content.xml", b" " * size)
        return output.getvalue()

    return write


_ONE_PIXEL: Final = b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
FILES: Final[Mapping[str, Mapping[str, Bytes]]] = {
    ".jpg": {
        "scans": _jpeg_of_scans,
        "fill bytes": _filled(b"\xff\xd8\xff", b"\xff"),
        "comments": _filled(b"\xff\xd8", _segment(0xFE, b"a"), b"\xff\xd9"),
        "dates": _filled(b"\xff\xd8", _segment(0xE1, b"Exif\0\0aaaaaaaaaa"), b"\xff\xd9"),
        "descriptions": _filled(b"\xff\xd8", _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), b"\xff\xd9"),
        "profiles": _filled(b"\xff\xd8", _segment(0xE2, b"ICC_PROFILE\0\1\1a"), b"\xff\xd9"),
        "previews": _filled(b"\xff\xd8", _segment(0xE2, b"MPF\0aaaa"), b"\xff\xd9"),
        "layers": _filled(b"\xff\xd8", _segment(0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\0"), b"\xff\xd9"),
    },
    ".png": {
        "texts": _png_of_texts,
        "a profile": _png_of_a_profile,
        "profiles": _png_of_profiles,
        "frames": _png_of_frames,
    },
    ".gif": {
        "frames": _gif(1, 1, _ONE_PIXEL),
        "frames on a large canvas": _gif(65_535, 700, _ONE_PIXEL),
        "comments": _gif(1, 1, b"!\xfe\x01a\0"),
        "empty blocks": _filled(b"GIF89a" + bytes(7), b"!\xff\0"),
    },
    ".webp": {"frames": _riff},
    ".avif": {"boxes": _boxes},
    ".pdf": {"no end": _filled(b"%PDF-1.7\n", b"%%EO")},
    ".txt": {
        "blanks": _filled(b"", b" "),
        "byte order marks": _filled(b"", "\ufeff".encode()),
        "almost markup": _filled(b"", b"<"),
    },
    ".md": {"line ends": _filled(b"", b"\n")},
    ".csv": {"separators": _filled(b"", b",")},
    ".docx": {"entries": _archive("word/document.xml")},
    ".xlsx": {"entries": _archive("xl/workbook.xml")},
    ".pptx": {"entries": _archive("ppt/presentation.xml")},
    ".odt": {"blanks": _odf("text")},
    ".ods": {"blanks": _odf("spreadsheet")},
    ".odp": {"blanks": _odf("presentation")},
}
"""By the extension of a type. A new type has to have some."""
