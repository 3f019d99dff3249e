"""A picture of its own, turned upright, without a second whole copy beside that of the decoder."""

from collections.abc import Iterator
from typing import Final

from PIL import Image

BAND_PIXELS: Final = 1_000_000
"""Worked on at a time, where Pillow would else copy a whole picture."""
# Exif 2.32, tag 0x0112: the operation that turns the picture upright.
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ROWS_TO_COLUMNS: Final = {UPRIGHT[5], UPRIGHT[6], UPRIGHT[7], UPRIGHT[8]}
_FIRST_ROW_LAST: Final = {UPRIGHT[3], UPRIGHT[4], UPRIGHT[6], UPRIGHT[7]}
PACKED_BYTES: Final = {"RGB": 3, "RGBA": 4, "CMYK": 4, "LA": 2}
"""For each pixel, in the modes of which Pillow keeps four bytes."""
type Band = tuple[int, int, bytes]


def read_bands(image: Image.Image) -> Iterator[Band]:
    """Yield the top, the height and the packed pixels of each band."""
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        yield top, band.height, band.tobytes()


def join_bands(mode: str, size: tuple[int, int], bands: list[Band], method: Image.Transpose | None) -> Image.Image:
    """Return the picture of these bands, turned. `size` is the one before."""
    width, height = size
    is_column = method in _ROWS_TO_COLUMNS
    joined = Image.new(mode, (height, width) if is_column else size)
    for top, rows, pixels in bands:
        band = Image.frombytes(mode, (width, rows), pixels)
        band = band if method is None else band.transpose(method)
        at = height - top - rows if method in _FIRST_ROW_LAST else top
        joined.paste(band, (at, 0) if is_column else (0, at))
    return joined
