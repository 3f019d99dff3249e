"""Images: judged by their header, decoded once to the end, freed of metadata; and renditions made of them."""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any, Final

from django.utils.translation import gettext_noop
from PIL import ExifTags, Image, JpegImagePlugin

from cms import limits
from cms.costs.machine import MachineTurn
from cms.costs.turns import DEAR, Bounded
from cms.errors import sentence
from cms.limits import RenditionSize
from cms.media import avif, containers
from cms.media.file_types import AVIF, GIF, JPEG, PNG, WEBP, FileType
from cms.media.refusals import refuse, refuse_size

PICTURES: Final = Bounded(
    gettext_noop("pictures are worked on"),
    make_turns=lambda: MachineTurn("pictures"),
    patience_s=10,
    burst_s=5.0,
    places=DEAR,
)
"""A picture takes up to 400 MiB and seconds, and the web processes of a pod share its memory."""
FRAMES_MAX: Final = 2_000
PIXELS_MAX: Final = {
    AVIF: 16_000_000,  # encoding one takes 24 bytes of memory a pixel, and 50 million of them eight seconds
    WEBP: 25_000_000,  # decoding one takes 15 bytes a pixel: Pillow composes two canvases, as for an animation
}
"""Fewer than of the other types, of which a pixel takes 4 bytes."""
SCANS_MAX: Final = 100
"""Progressive files have some ten. A scan of 50 bytes may visit all pixels: a file of 10 MB took minutes."""
_START_OF_SCAN: Final = b"\xff\xda"  # a zero follows each other 255 of compressed pixels
PROFILE_BYTES_MAX: Final = 64 * 1024
"""A rendition has no larger one: those of cameras and screens have 0.5 to 10 KB."""
_BAND_PIXELS: Final = 1_000_000
RENDITION_TYPE: Final = WEBP
_RENDITION_QUALITY: Final = 80
_WEBP_SIDE_MAX: Final = 16_383  # RFC 9649 section 2.6
_ANIMATED: Final = (GIF, PNG, WEBP)
_STRIP: Final[dict[FileType, Callable[[bytes], bytes]]] = {
    JPEG: containers.strip_jpeg,
    PNG: containers.strip_png,
    GIF: containers.strip_gif,
    WEBP: containers.strip_webp,
}
_THIN: Final[dict[FileType, Callable[[bytes], bytes]]] = {JPEG: containers.thin_jpeg, PNG: containers.thin_png}
"""Applied before Pillow reads a file whose unneeded parts would take it long."""
# The errors of Pillow's decoders for broken files; MemoryError when a size within one is absurd.
_BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, AttributeError),
    *(AssertionError, MemoryError, RuntimeError, struct.error, zlib.error),
)
# Exif 2.32, tag 0x0112: the operation that turns the picture upright.
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_KEPT_INFO: Final = ("icc_profile", "transparency")
_MIDDLE: Final = (0.5, 0.5)


def clean_image(source: IO[bytes], target: IO[bytes], file_type: FileType) -> tuple[int, int]:
    """Write the image without metadata to `target`, turned upright; return its width and height.

    The pixels stay as they were compressed, unless the image has to be turned or is an AVIF. Raises InvalidInput for
    an image that has too many pixels or can't be decoded to its end.
    """
    data = source.read()
    if file_type in _THIN:
        with _refused_when_broken():
            data = _THIN[file_type](data)
    if file_type is JPEG:
        _refuse_many_scans(data)
    if file_type is AVIF:
        _refuse_large_bitstream(data)
    with _refused_when_broken(), Image.open(BytesIO(data), formats=[file_type.pillow_format]) as image:
        size = image.size  # a later frame of a GIF may reach beyond it
        is_animated = _decode_all(image, file_type)
        image.crop((0, 0, 1, 1)).convert(_shown_mode(image))  # as its renditions are
        method = None if is_animated else _UPRIGHT.get(_orientation(image))
        if method is None and file_type in _STRIP:
            data = _STRIP[file_type](data)
        else:
            upright = image if method is None else image.transpose(method)
            size = upright.size
            upright.info = {name: value for name, value in image.info.items() if name in _KEPT_INFO}
            data = _encode(upright, file_type, _save_options(image, file_type, data))
    if len(data) > file_type.bytes_max:
        refuse_size(file_type.bytes_max)
    target.write(data)
    return size


def _refuse_many_scans(data: bytes) -> None:
    """Metadata and a film behind the picture, as phones write them, may hold the same two bytes by chance."""
    if containers.strip_jpeg(data).count(_START_OF_SCAN) > SCANS_MAX:
        refuse("too_many_pixels", sentence("This picture has more than %(most)s scans.", most=SCANS_MAX))


def _refuse_large_bitstream(data: bytes) -> None:
    """A picture of 4,000 by 4,000 pixels may be decoded as one of 14,000 by 14,000 first: that took 1.3 GB."""
    with _refused_when_broken():
        pixels = avif.count_pixels(data)
    if pixels > PIXELS_MAX[AVIF]:
        _refuse_pixels(PIXELS_MAX[AVIF])


def make_rendition(
    source: IO[bytes], size: RenditionSize, focal_point: tuple[float, float] | None = None
) -> tuple[bytes, int, int]:
    """Return a WebP of an image, or of an animation's first frame, as bytes, width and height; never larger than it.

    A size that cuts keeps the focal point, in fractions from the left and the top, as near the middle as it can be.
    """
    with Image.open(source) as image:
        profile = image.info.get("icc_profile") if image.mode != "CMYK" else None  # one for inks says nothing of RGB
        if profile and len(profile) > PROFILE_BYTES_MAX:
            profile = None
        # Lets the JPEG decoder skip what will not be seen. Twice the size keeps it sharp.
        image.draft(None, (2 * size.width, 2 * (size.height or size.width)))
        picture = _reduced(image, _shown_mode(image), 2 * size.width, 2 * (size.height or 0))
        if size.height is not None:
            picture = _cut(picture, size.width / size.height, focal_point or _MIDDLE)
        picture.thumbnail((size.width, size.height or _WEBP_SIDE_MAX), Image.Resampling.LANCZOS)
        options = {"quality": _RENDITION_QUALITY, "icc_profile": profile}
        return _encode(picture, RENDITION_TYPE, options), picture.width, picture.height


def _shown_mode(image: Image.Image) -> str:
    return "RGBA" if image.has_transparency_data else "RGB"


def _reduced(image: Image.Image, mode: str, width: int, height: int) -> Image.Image:
    """Return the image in this mode, reduced by a whole factor as long as it stays at least so wide and so high.

    Band by band: Pillow would copy all of it to convert it, and once more for its transparency.
    """
    factor = max(1, min(image.width // width, image.height // height if height else image.width))
    rows = max(1, _BAND_PIXELS // (image.width * factor)) * factor
    reduced = Image.new(mode, (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        band = band if band.mode == mode else band.convert(mode)
        reduced.paste(band.reduce(factor), (0, top // factor))
    return reduced


def _decode_all(image: Image.Image, file_type: FileType) -> bool:
    """Decode every frame, each by itself; return whether there are several. All together have the limit of one."""
    pixels, frame = 0, 0
    pixels_max = PIXELS_MAX.get(file_type, limits.IMAGE_PIXELS_MAX)
    while True:
        pixels += image.width * image.height
        if pixels > pixels_max or frame >= FRAMES_MAX:
            _refuse_pixels(pixels_max)
        image.load()
        frame += 1
        if file_type not in _ANIMATED:
            return False
        try:
            image.seek(frame)
        except EOFError:
            image.seek(0)
            return frame > 1


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1  # the picture is good, what is written about it isn't


def _save_options(image: Image.Image, file_type: FileType, data: bytes) -> dict[str, Any]:
    """Return options that lose as little as the format allows, in about as many bytes as before."""
    options: dict[str, Any] = {"icc_profile": image.info.get("icc_profile")}
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        # The tables that it was compressed with: the same steps again lose next to nothing.
        return {**options, "qtables": image.quantization, "subsampling": JpegImagePlugin.get_sampling(image)}
    if file_type == WEBP:
        return {**options, "lossless": containers.is_lossless_webp(data), "quality": 95, "exact": True}
    if file_type == AVIF:
        return {**options, "quality": 90, "speed": 10}  # other speeds take seconds for a photograph
    return options


def _encode(picture: Image.Image, file_type: FileType, options: dict[str, Any]) -> bytes:
    output = BytesIO()
    picture.save(output, file_type.pillow_format, **options)
    return output.getvalue()


def _cut(picture: Image.Image, ratio: float, focal_point: tuple[float, float]) -> Image.Image:
    """Return the largest part around the focal point with this ratio of width to height."""
    width = max(1, min(picture.width, round(picture.height * ratio)))
    height = max(1, min(picture.height, round(picture.width / ratio)))
    left = _begin(picture.width, width, focal_point[0])
    top = _begin(picture.height, height, focal_point[1])
    return picture.crop((left, top, left + width, top + height))


def _begin(whole: int, part: int, focus: float) -> int:
    return max(0, min(int(focus * whole - part / 2), whole - part))


@contextmanager
def _refused_when_broken() -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        _refuse_pixels(limits.IMAGE_PIXELS_MAX)
    except _BROKEN:
        refuse("broken_file", "This image is broken or cut off.")


def _refuse_pixels(pixels_max: int) -> None:
    millions = pixels_max // 1_000_000
    refuse(
        "too_many_pixels",
        sentence(
            "An image of this type may have %(millions)s million pixels at most, over all its frames.",
            millions=millions,
        ),
    )
