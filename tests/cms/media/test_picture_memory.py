"""Working on a picture takes 400 MiB at most, in a fresh process; one that would take more is refused undecoded."""

import io
import json
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from PIL import Image, ImageChops, ImageFilter

from cms import limits
from cms.errors import InvalidInput
from cms.limits import RENDITIONS
from cms.media import memory, renditions, turning
from cms.media.file_types import PNG
from cms.media.images import clean_image
from tests.cms.media.pictures import encode, exif
from tests.cms.media.test_images import png_chunk
from tests.slow import slow

MIB: Final = 1024 * 1024
REFUSED_MIB: Final = 24
"""The file, its copies and Pillow's modules."""
LONG = "Each side of an image may have 65535 pixels at most."
MANY = "An image that is stored as this one may have "


class Work(NamedTuple):
    mib: int
    refused: str


def work(folder: Path, content: bytes, what: str, times: int = 1) -> Work:
    (folder / "picture").write_bytes(content)
    command = [sys.executable, "-m", "tests.cms.media.working", str(folder / "picture"), what, str(times)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
    return Work(told["peak_bytes"] // MIB, told["refused"])


def noise(mode: str, size: tuple[int, int], period: int = 509, sigma: float = 60) -> Image.Image:
    """Return colours that hardly compress, each channel its own."""
    tile = Image.effect_noise((period, period), sigma)
    channels = [tile.rotate(90 * n) for n in range(len(Image.new(mode, (1, 1)).getbands()))]
    tile, image = Image.merge(mode, channels), Image.new(mode, size)
    for left in range(0, size[0], period):
        for top in range(0, size[1], period):
            image.paste(tile, (left, top))
    return image


def flat(mode: str, size: tuple[int, int]) -> Image.Image:
    return Image.new(mode, size, tuple(range(10, 10 + 10 * len(mode), 10)) if len(mode) > 1 else 3)


def frames(pillow_format: str, mode: str, size: tuple[int, int], **options: Any) -> bytes:
    later = Image.new(mode, size, 7 if mode == "P" else (9, 9, 9, 255))
    return encode(Image.new(mode, size), pillow_format, save_all=True, append_images=[later], **options)


SIDEWAYS: Final = {"exif": exif(6).tobytes()}
LIKE_A_CAMERA: Final = (8_688, 5_792)
MAKERS: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "camera": (lambda: encode(noise("RGB", LIKE_A_CAMERA), "JPEG", quality=10), "clean width-1280"),
    "camera, sideways": (lambda: encode(noise("RGB", LIKE_A_CAMERA), "JPEG", quality=10, **SIDEWAYS), "clean"),
    "progressive, sideways": (
        lambda: encode(flat("RGB", LIKE_A_CAMERA), "JPEG", quality=10, progressive=True, **SIDEWAYS),
        "clean",
    ),
    "progressive, tall, all colours": (
        lambda: encode(flat("RGB", (763, 65_500)), "JPEG", quality=10, progressive=True, subsampling=0),
        "clean width-1280 square-160",
    ),
    "inks, progressive": (lambda: encode(flat("CMYK", (7_500, 6_000)), "JPEG", progressive=True), "clean width-1280"),
    "inks, sideways": (lambda: encode(flat("CMYK", (7_800, 6_000)), "JPEG", **SIDEWAYS), "clean"),
    "screenshot": (lambda: encode(noise("RGBA", (1_170, 15_000), 64), "PNG"), "clean width-1280"),
    "tall": (lambda: encode(flat("RGBA", (763, 65_500)), "PNG"), "clean width-1280"),
    "wide": (lambda: encode(flat("RGBA", (65_500, 763)), "PNG"), "width-320 square-160"),
    "of many grown pixels": (lambda: encode(noise("RGBA", (2_559, 19_500), 64), "PNG"), "width-1280"),
    "transparent, sideways": (lambda: encode(flat("RGBA", (7_800, 6_000)), "PNG", **SIDEWAYS), "clean"),
    "two frames of a GIF": (lambda: frames("GIF", "RGBA", (5_500, 4_000), disposal=3), "clean width-1280"),
    "two frames of a PNG": (lambda: frames("PNG", "RGBA", (5_500, 4_000), blend=1), "clean width-1280"),
    "WebP": (lambda: encode(noise("RGBA", (6_000, 4_000), 64), "WEBP", lossless=True, method=0), "clean width-1280"),
    "WebP, tall": (lambda: encode(noise("RGBA", (1_464, 16_383), 64), "WEBP", lossless=True, method=0), "width-1280"),
    "WebP, sideways": (
        lambda: encode(noise("RGBA", (4_000, 2_100)), "WEBP", quality=40, method=0, **SIDEWAYS),
        "clean",
    ),
    "WebP, lossless, sideways": (
        lambda: encode(noise("RGB", (3_200, 3_020), 1_009, 40), "WEBP", lossless=True, method=0, quality=0, **SIDEWAYS),
        "clean",
    ),
    "AVIF of a phone": (
        lambda: encode(noise("RGB", (4_032, 3_024)), "AVIF", quality=40, speed=10, **SIDEWAYS),
        "clean width-1280",
    ),
    "AVIF, transparent": (
        lambda: encode(noise("RGBA", (3_800, 3_000), sigma=8), "AVIF", quality=50, speed=10, subsampling="4:4:4"),
        "clean width-1280",
    ),
}
QUICK: Final = {"camera, sideways", "progressive, tall, all colours", "tall"}


@pytest.mark.parametrize("name", [name if name in QUICK else slow(name) for name in MAKERS])
def test_a_picture_within_the_limits_takes_400_mib_at_most(name: str, tmp_path: Path) -> None:
    make, whats = MAKERS[name]
    content = make()
    done = {what: work(tmp_path, content, what) for what in whats.split()}
    assert {what: each for what, each in done.items() if each.mib > memory.BYTES_MAX // MIB} == {}
    assert {each.refused for each in done.values()} == {""}


def promised(width: int, height: int, *, color: int = 6) -> bytes:
    """Return the beginning of a PNG that promises so many pixels, as a file of a few bytes can."""
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, color, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("size", [(1, 50_000_000), (2, 25_000_000), (3, 16_000_000), (639, 78_000), (50_000_000, 1)])
@pytest.mark.parametrize("what", ["clean", "width-320"])
def test_long_sides_are_refused_by_the_header(size: tuple[int, int], what: str, tmp_path: Path) -> None:
    mib, refused = work(tmp_path, promised(*size), what)
    assert (refused, mib < REFUSED_MIB) == (LONG, True)


def grown_gif() -> bytes:
    """Return a GIF of one pixel, whose second frame has 60 million and is taken away after it was shown."""
    content = bytearray(frames("GIF", "RGBA", (8, 8), disposal=2))
    at = content.rindex(b"\x2c\0\0\0\0\x08\0\x08\0")
    content[at + 5 : at + 9] = (10_000).to_bytes(2, "little") + (6_000).to_bytes(2, "little")
    return bytes(content)


def hiding_gif(empty: bytes) -> bytes:
    """Return a GIF with a frame of 169 million pixels, in a comment unless Pillow reads on behind `empty`."""
    frame = b"\x21\xf9\x04\x09\0\0\0\0\x2c" + struct.pack("<4H", 0, 0, 13_000, 13_000) + b"\0\x02"
    body = bytes(31) + b"\0" + frame  # the two bytes before the 31 are a length for Pillow
    comment = b"\x21\xfe" + bytes([len(body)]) + body + b"\x02\x4c\x01\0"
    return encode(Image.new("P", (8, 8)), "GIF")[:-1] + empty + comment + b";"


@pytest.mark.parametrize("empty", [b"\x21\xf9\0", b"\x21\xff\0", b"\x21\x01\0", b"\x21\xff\x0bNETSCAPE2.0\0"])
def test_no_frame_of_a_gif_hides_behind_an_empty_extension(empty: bytes, tmp_path: Path) -> None:
    mib, refused = work(tmp_path, hiding_gif(empty), "clean")
    assert (refused, mib < REFUSED_MIB) == ("This image is broken or cut off.", True)


def crowded(pillow_format: str, at: int, part: bytes, parts: int) -> bytes:
    content = encode(Image.new("L", (8, 8)), pillow_format)
    return content[:at] + part * parts + content[at:]


CROWDED: Final = {
    "GIF, comments": ("GIF", -1, b"\x21\xfe\0"),
    "GIF, kept": ("GIF", -1, b"\x21\xf9\1\0\0"),
    "JPEG": ("JPEG", 2, b"\xff\xdb\0\2"),
    "PNG": ("PNG", -12, png_chunk(b"IDAT", b"")),
    "WebP": ("WEBP", 12, b"ANIM\0\0\0\0"),
}


@pytest.mark.parametrize("name", CROWDED)
def test_a_picture_of_countless_parts_is_refused_as_broken(name: str, tmp_path: Path) -> None:
    pillow_format, at, part = CROWDED[name]
    content = bytearray(crowded(pillow_format, at, part, 10_000_000 // len(part)))
    if pillow_format == "WEBP":
        content[4:8] = (len(content) - 8).to_bytes(4, "little")
    mib, refused = work(tmp_path, bytes(content), "clean")
    assert (refused, mib < REFUSED_MIB * 2) == ("This image is broken or cut off.", True)


DEAR: Final[dict[str, tuple[Callable[[], bytes], str, int]]] = {
    "inks, progressive": (lambda: encode(flat("CMYK", (7_070, 7_070)), "JPEG", progressive=True), "width-1280", 45),
    "all colours, progressive, sideways": (
        lambda: encode(flat("RGB", (7_000, 6_000)), "JPEG", progressive=True, subsampling=0, **SIDEWAYS),
        "clean",
        37,
    ),
    "a frame beyond the picture": (grown_gif, "clean", 22),
    "WebP": (lambda: encode(flat("RGBA", (5_000, 5_000)), "WEBP", lossless=True, method=0), "clean", 24),
    "WebP, sideways": (lambda: encode(flat("RGBA", (3_000, 3_000)), "WEBP", method=0, **SIDEWAYS), "clean", 8),
    "WebP, lossless, sideways": (
        lambda: encode(flat("RGB", (3_200, 3_030)), "WEBP", lossless=True, method=0, **SIDEWAYS),
        "clean",
        9,
    ),
}


@pytest.mark.parametrize("name", DEAR)
def test_a_picture_that_would_take_more_is_refused_in_a_sentence_with_its_limit(name: str, tmp_path: Path) -> None:
    make, what, millions = DEAR[name]
    mib, refused = work(tmp_path, make(), what)
    assert refused.startswith(f"{MANY}{millions} million pixels at most: ")
    assert mib < memory.BYTES_MAX // MIB


def cut_off_png(side: int = 4_000) -> bytes:
    """Return a picture whose last rows are missing, which shows when all others are decoded."""
    header = side.to_bytes(4) * 2 + bytes([8, 6, 0, 0, 0])
    rows = (b"\0" + bytes([1, 2, 3, 4]) * side) * (side - 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)[:-100]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def test_refused_pictures_leave_nothing_in_memory(tmp_path: Path) -> None:
    content = cut_off_png()
    once, often = (work(tmp_path, content, "clean", times) for times in (1, 5))
    assert once.refused == often.refused == "This image is broken or cut off."
    assert often.mib < once.mib + 16


def test_a_turned_picture_that_compresses_no_more_is_refused_as_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode(noise("RGB", (1_000, 1_000), 1_000), "PNG", **SIDEWAYS)
    monkeypatch.setattr(limits, "IMAGE_BYTES_MAX", len(content) // 2)
    with pytest.raises(InvalidInput) as caught:
        clean_image(io.BytesIO(content), io.BytesIO(), PNG)
    assert caught.value.errors[0].code == "too_large"


@pytest.mark.parametrize("mode", sorted(turning.PACKED_BYTES))
@pytest.mark.parametrize("method", [None, *turning.UPRIGHT.values()])
def test_bands_make_the_picture_that_pillow_would(
    mode: str, method: Image.Transpose | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turning, "BAND_PIXELS", 7 * 40)
    image = noise(mode, (40, 33), 8)
    joined = turning.join_bands(mode, image.size, list(turning.read_bands(image)), method)
    whole = image if method is None else image.transpose(method)
    assert (joined.size, joined.tobytes()) == (whole.size, whole.tobytes())


@pytest.mark.parametrize("size", [(900, 700), (1_900, 400), (330, 2_900), (640, 640)])
@pytest.mark.parametrize("spec", ["width-320", "square-160"])
def test_a_rendition_made_in_bands_looks_as_one_made_at_once(
    size: tuple[int, int], spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grain = Image.frombytes("L", size, random.Random(7).randbytes(size[0] * size[1]))
    blurred = grain.filter(ImageFilter.GaussianBlur(2))  # Pillow clips what overshoots in an order of its own
    content = encode(blurred.convert("RGB"), "PNG")
    at_once, _ = renditions._fitted(content, RENDITIONS[spec], (0.5, 0.5))
    monkeypatch.setattr(renditions, "BAND_PIXELS", 9 * size[0])
    in_bands, _ = renditions._fitted(content, RENDITIONS[spec], (0.5, 0.5))
    assert at_once.size == in_bands.size
    assert max(ImageChops.difference(at_once, in_bands).tobytes()) <= 2
