"""The memory that working on a picture takes at its peak, told by its header before anything is decoded.

The numbers are bytes for each pixel, as measured with Pillow 13 (`tests/cms/media/test_picture_memory.py`).
"""

from typing import Final

from PIL import Image, JpegImagePlugin

from cms.errors import sentence
from cms.media import containers
from cms.media.refusals import refuse
from cms.media.turning import PACKED_BYTES

BYTES_MAX: Final = 400 * 1024 * 1024
"""A pod has 1 GiB for two web processes, which work on one picture at a time between them."""
SIDE_MAX: Final = 65_535
"""That of JPEG and GIF. Pillow keeps a pointer of 8 bytes for each row, and its decoders some for each column."""
_BESIDE_BYTES: Final = 40 * 1024 * 1024
"""Copies of the file, of what is written, and bands that are converted."""
_KEPT: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2}
"""By Pillow, of the modes that have no four bytes."""
_DECODING: Final = {"WEBP": 15.5, "AVIF": 20}
"""WebP: two canvases, a frame and Pillow's copy. AVIF: planes of 12 bits, what is made of them, and Pillow's copy."""
_ANIMATED: Final = 17
"""A frame, the one before it, what replaces it, and what both are composed in."""
_ENCODING: Final = {("WEBP", False): 35, ("WEBP", True): 44, ("AVIF", False): 30, ("AVIF", True): 33}
"""Without and with transparency, whose noise is dearer than that of colours."""
_ENCODING_LOSSLESS: Final = {("WEBP", False): 39}
_COEFFICIENT: Final = 2


def refuse_long_sides(size: tuple[int, int]) -> None:
    """Raise InvalidInput for a picture whose rows or columns take more memory than its pixels."""
    if max(size) > SIDE_MAX:
        refuse("too_many_pixels", sentence("Each side of an image may have %(most)s pixels at most.", most=SIDE_MAX))


def may_decode(image: Image.Image, data: bytes, scale: int = 1) -> bool:
    """Return whether the picture's memory is within bounds if a JPEG's decoder divides its sides by so much."""
    return image.width * image.height <= _pixels_max(_decoding(image, data, scale))


def refuse_dear_decoding(image: Image.Image, data: bytes, scale: int = 1) -> None:
    _refuse_more(image.size, _decoding(image, data, scale))


def refuse_dear_frames(size: tuple[int, int]) -> None:
    """Raise InvalidInput for an animation of this size that is too large to compose its frames."""
    _refuse_more(size, _ANIMATED)


def refuse_dear_turn(image: Image.Image, data: bytes) -> None:
    """Raise InvalidInput for a picture that can't be encoded again, turned or not."""
    kept = _KEPT.get(image.mode, 4)
    turning = kept + PACKED_BYTES.get(image.mode, kept)
    decoding = _decoding(image, data)
    _refuse_more(image.size, max(decoding, turning, _encoding(image, data)))


def _encoding(image: Image.Image, data: bytes) -> float:
    kind = str(image.format), image.mode.endswith("A")
    encoding = _ENCODING.get(kind, 0)
    if kind in _ENCODING_LOSSLESS and containers.is_lossless_webp(data):
        encoding = _ENCODING_LOSSLESS[kind]
    return encoding


def _decoding(image: Image.Image, data: bytes, scale: int = 1) -> float:
    kept = _KEPT.get(image.mode, 4)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return kept / scale**2 + _coefficients(image, data)
    return max(kept, _DECODING.get(str(image.format), 0))


def _coefficients(image: JpegImagePlugin.JpegImageFile, data: bytes) -> float:
    """Return what libjpeg keeps of a pixel until the last scan, where there are several: two bytes for each sample."""
    if not (image.info.get("progressive") or containers.has_more_scans(data)):
        return 0
    across, down = (max(layer[at] for layer in image.layer) for at in (2, 1))
    return _COEFFICIENT * sum(layer[2] * layer[1] for layer in image.layer) / (across * down)


def _pixels_max(pixel_bytes: float) -> int:
    return int((BYTES_MAX - _BESIDE_BYTES) / pixel_bytes)


def _refuse_more(size: tuple[int, int], pixel_bytes: float) -> None:
    pixels_max = _pixels_max(pixel_bytes)
    if size[0] * size[1] > pixels_max:
        refuse(
            "too_many_pixels",
            sentence(
                "An image that is stored as this one may have %(millions)s million pixels at most: "
                "save it smaller, or upright and not progressive.",
                millions=pixels_max // 1_000_000,
            ),
        )
