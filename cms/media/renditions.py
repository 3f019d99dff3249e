"""Renditions: smaller pictures made of an image, or of an animation's first frame."""

from collections.abc import Buffer, Iterable
from io import BytesIO
from math import ceil, floor, sqrt
from typing import IO, Any, Final

from PIL import Image

from cms.limits import RenditionSize
from cms.media import memory
from cms.media.file_types import WEBP, FileType
from cms.media.refusals import leaving_nothing, refuse_size, refused_when_broken
from cms.media.turning import BAND_PIXELS

RENDITION_TYPE: Final = WEBP
PROFILE_BYTES_MAX: Final = 64 * 1024
"""A rendition has no larger one: those of cameras and screens have 0.5 to 10 KB."""
_PROFILE_COLOURS: Final = slice(16, 20)  # ICC.1:2022 section 7.2.6: the colour space of the image
_GRAY_FACTORS: Final = {"L;2": 85, "L;4": 17}  # from a sample to 8 bits, by the name that Pillow has for it
_QUALITY: Final = 80
_BYTES_MAX: Final = 64 * 1024 * 1024  # libwebp has written all of it by then
_WEBP_SIDE_MAX: Final = 16_383  # RFC 9649 section 2.6
_PIXELS_MAX: Final = {"RGB": 16_000_000, "RGBA": 8_000_000}
"""Encoding takes 22 bytes of memory a pixel, and 44 for noise in transparency. Only tall pictures reach this."""
_MIDDLE: Final = (0.5, 0.5)
_JPEG_SCALES: Final = (1, 2, 4, 8)
_SHARPNESS: Final = 2
"""Times its final size: so large a picture is decoded or reduced at first, and stays sharp."""
_MARGIN: Final = 4
"""Rows of a rendition. Lanczos takes three from either side."""
type Box = tuple[float, float, float, float]


@leaving_nothing()
def make_rendition(
    source: IO[bytes],
    size: RenditionSize,
    focal_point: tuple[float, float] | None = None,
    stored_size: tuple[int, int] | None = None,
) -> tuple[bytes, int, int]:
    """Return a WebP of an image, or of an animation's first frame, as bytes, width and height; never larger than it.

    A size that cuts keeps the focal point, in fractions from the left and the top, as near the middle as it can be.
    Raises InvalidInput if that would take too much memory, before anything is decoded, and with the code `broken_file`
    for bytes that can't be decoded or have another size than `stored_size`.
    """
    data = source.read()
    with refused_when_broken():
        picture, profile = _fitted(data, size, focal_point or _MIDDLE, stored_size)
    options = {"quality": _QUALITY, "icc_profile": profile}
    content = encode(picture, RENDITION_TYPE, options, _BYTES_MAX)
    return content, picture.width, picture.height


def check_renditions(image: Image.Image, data: bytes, sizes: Iterable[RenditionSize]) -> None:
    """Raise InvalidInput for an image of which one of these would take too much memory."""
    for size in sizes:
        box = _box_of(size, image.size, _MIDDLE)
        _scale_of(image, data, box, _size_of(size, box))


def encode(picture: Image.Image, file_type: FileType, options: dict[str, Any], bytes_max: int) -> bytes:
    """Return the file. Raises InvalidInput as soon as it is longer than `bytes_max`."""
    output = _Output(bytes_max)
    picture.save(output, file_type.pillow_format, **options)
    return output.getvalue()


class _Output(BytesIO):
    def __init__(self, bytes_max: int) -> None:
        super().__init__()
        self._bytes_max = bytes_max

    def write(self, data: Buffer) -> int:
        if self.tell() + memoryview(data).nbytes > self._bytes_max:
            refuse_size(self._bytes_max)
        return super().write(data)


def shown_mode(image: Image.Image) -> str:
    return "RGBA" if image.has_transparency_data else "RGB"


def _fitted(
    data: bytes, size: RenditionSize, focal_point: tuple[float, float], stored_size: tuple[int, int] | None = None
) -> tuple[Image.Image, bytes | None]:
    """Return the picture in its final size, and its colour profile. Nothing of the decoder is left in memory."""
    with Image.open(BytesIO(data)) as image:
        if image.size != (stored_size or image.size):
            raise ValueError("not the picture that was stored")
        memory.refuse_long_sides(image.size)
        profile = _profile_of(image)
        box = _box_of(size, image.size, focal_point)
        scale = _scale_of(image, data, box, _size_of(size, box))
        # Lets the JPEG decoder skip what will not be seen.
        image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
        _scale_transparency(image)
        image.load()
        image.fp = None  # those of WebP and AVIF hold all pixels once more
        mode = _mode_of(image)
        fitted = _size_of(size, box, _PIXELS_MAX[mode])
        left, top, right, bottom = (side / scale for side in box)
        box = left, top, min(right, image.width), min(bottom, image.height)
        return _resized(*_reduced(image, mode, box, fitted), fitted), profile


def _scale_transparency(image: Image.Image) -> None:
    """Scale the transparent gray of a PNG of 2 or 4 bits to the 8 bits that Pillow gives the others when it loads."""
    tiles = getattr(image, "tile", [])
    factor = _GRAY_FACTORS.get(str(tiles[0].args), 1) if tiles else 1
    gray = image.info.get("transparency")
    if image.mode == "L" and isinstance(gray, int):
        image.info["transparency"] = gray * factor


def _profile_of(image: Image.Image) -> bytes | None:
    """Return the colour profile if it is one of RGB, as renditions are: one of inks or grays says nothing of them."""
    profile: bytes = image.info.get("icc_profile") or b""
    is_of_rgb = image.mode != "CMYK" and profile[_PROFILE_COLOURS] == b"RGB "
    is_kept = is_of_rgb and len(profile) <= PROFILE_BYTES_MAX
    return profile if is_kept else None


def _mode_of(image: Image.Image) -> str:
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return "RGB"  # as most screenshots are
    return shown_mode(image)


def _scale_of(image: Image.Image, data: bytes, box: Box, fitted: tuple[int, int]) -> int:
    """Return by how much the decoder of a JPEG divides each side, 1 for other types. Raises InvalidInput."""
    if image.format != "JPEG":
        memory.refuse_dear_decoding(image, data)
        return 1
    most = min((box[2] - box[0]) // fitted[0], (box[3] - box[1]) // fitted[1])
    sharp, least = (max(scale for scale in _JPEG_SCALES if scale * n <= max(most, n)) for n in (_SHARPNESS, 1))
    if memory.may_decode(image, data, sharp):
        return sharp
    memory.refuse_dear_decoding(image, data, least)
    return least


def _reduced(image: Image.Image, mode: str, box: Box, fitted: tuple[int, int]) -> tuple[Image.Image, str, Box]:
    """Return what is in the box, reduced by a whole factor as far as it stays sharp, its mode, and the new box.

    Band by band: Pillow would copy all of it to convert it, and once more for its transparency.
    """
    factor = int(min((box[2] - box[0]) / fitted[0], (box[3] - box[1]) / fitted[1]) / _SHARPNESS)
    if factor < 2:
        return image, mode, box
    left, first, right, last = floor(box[0]), floor(box[1]), ceil(box[2]), ceil(box[3])
    rows = max(1, BAND_PIXELS // ((right - left) * factor)) * factor
    reduced = Image.new(mode, (-(-(right - left) // factor), -(-(last - first) // factor)))
    for top in range(first, last, rows):
        band = _band(image, mode, (left, top, right, min(top + rows, last)))
        reduced.paste(band.reduce(factor), (0, (top - first) // factor))
    across, down = (
        ((box[0] - left) / factor, (box[2] - left) / factor),
        ((box[1] - first) / factor, (box[3] - first) / factor),
    )
    return reduced, mode, (across[0], down[0], across[1], down[1])


def _resized(image: Image.Image, mode: str, box: Box, size: tuple[int, int]) -> Image.Image:
    """Return what is in the box in this size, made band by band. Rows beside each band keep its edges from showing."""
    left, right, step = floor(box[0]), ceil(box[2]), (box[3] - box[1]) / size[1]
    resized, rows = Image.new(mode, size), max(1, int(BAND_PIXELS / (right - left) / step))
    for first in range(0, size[1], rows):
        last = min(first + rows, size[1])
        above, below = max(0, first - _MARGIN), min(size[1], last + _MARGIN)
        begin, end = box[1] + above * step, box[1] + below * step
        top, bottom = floor(begin), min(ceil(end), image.height)
        band = _band(image, mode, (left, top, right, bottom))
        within = (box[0] - left, begin - top, min(box[2] - left, band.width), min(end - top, band.height))
        made = band.resize((size[0], below - above), Image.Resampling.LANCZOS, within)
        resized.paste(made.crop((0, first - above, size[0], last - above)), (0, first))
    return resized


def _band(image: Image.Image, mode: str, box: tuple[int, int, int, int]) -> Image.Image:
    band = image.crop(box)
    if band.mode == "I;16":  # Pillow would make all but the darkest grays white
        band.info.pop("transparency", None)  # one of 65,536 grays, which 8 bits can't tell from its neighbours
        band = band.point(lambda gray: gray / 256).convert("L")
    return band if band.mode == mode else band.convert(mode)


def _box_of(size: RenditionSize, whole: tuple[int, int], focal_point: tuple[float, float]) -> Box:
    """Return the largest part around the focal point with the size's ratio of width to height, or all of it."""
    if size.height is None:
        return (0, 0, *whole)
    ratio = size.width / size.height
    width = max(1, min(whole[0], round(whole[1] * ratio)))
    height = max(1, min(whole[1], round(whole[0] / ratio)))
    left = _begin(whole[0], width, focal_point[0])
    top = _begin(whole[1], height, focal_point[1])
    return left, top, left + width, top + height


def _begin(whole: int, part: int, focus: float) -> int:
    return max(0, min(int(focus * whole - part / 2), whole - part))


def _size_of(size: RenditionSize, box: Box, pixels_max: int = _PIXELS_MAX["RGB"]) -> tuple[int, int]:
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(1, size.width / width, (size.height or _WEBP_SIDE_MAX) / height, sqrt(pixels_max / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))
