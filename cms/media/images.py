"""Images: judged by their header, decoded to the end, turned upright and freed of metadata."""

from collections.abc import Callable
from io import BytesIO
from typing import IO, Any, Final

from django.utils.translation import gettext_noop
from PIL import ExifTags, Image, JpegImagePlugin

from cms import limits
from cms.costs.machine import MachineTurn
from cms.costs.turns import DEAR, Bounded
from cms.errors import sentence
from cms.media import avif, containers, memory
from cms.media.file_types import AVIF, GIF, JPEG, PNG, WEBP, FileType
from cms.media.refusals import BROKEN, leaving_nothing, refuse, refuse_pixels, refuse_size, refused_when_broken
from cms.media.renditions import check_renditions, encode, shown_mode
from cms.media.turning import PACKED_BYTES, UPRIGHT, join_bands, read_bands

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
    AVIF: 12_500_000,  # encoding one takes 30 bytes of memory a pixel, and several seconds
    WEBP: 24_000_000,  # decoding one takes 15 bytes a pixel: Pillow composes two canvases, as for an animation
}
"""Fewer than of the other types, of which a pixel takes 4 bytes. Some pictures have less: `cms/media/memory.py`."""
SCANS_MAX: Final = 100
"""Progressive files have some ten. A scan of 50 bytes may visit all pixels: a file of 10 MB took minutes."""
_START_OF_SCAN: Final = b"\xff\xda"  # a zero follows each other 255 of compressed pixels
_ANIMATED: Final = (GIF, PNG, WEBP)
_STRIP: Final[dict[FileType, Callable[[bytes], bytes]]] = {
    JPEG: containers.strip_jpeg,
    PNG: containers.strip_png,
    GIF: containers.strip_gif,
    WEBP: containers.strip_webp,
}
_THIN: Final[dict[FileType, Callable[[bytes], bytes]]] = {
    JPEG: containers.thin_jpeg,
    PNG: containers.thin_png,
    GIF: containers.strip_gif,
}
"""Applied before Pillow reads a file: unneeded parts may take it long, or hide frames in a GIF."""
_KEPT_INFO: Final = ("icc_profile", "transparency")


@leaving_nothing()
def clean_image(source: IO[bytes], target: IO[bytes], file_type: FileType) -> tuple[int, int]:
    """Write the image without metadata to `target`, turned upright; return its width and height.

    The pixels stay as they were compressed, unless the image has to be turned or is an AVIF. Raises InvalidInput for
    an image that has too many pixels, would take too much memory, or can't be decoded to its end.
    """
    data = source.read()
    if file_type in _THIN:
        with refused_when_broken():
            data = _THIN[file_type](data)
    if file_type is JPEG:
        _refuse_many_scans(data)
    if file_type is AVIF:
        _refuse_large_bitstream(data)
    with refused_when_broken():
        if file_type is GIF:
            _refuse_large_frames(data)
        size, method = _check(data, file_type)
        if method is None and file_type in _STRIP:
            data = _STRIP[file_type](data)
        else:
            picture, options = _upright(data, file_type, method)
            size, data = picture.size, encode(picture, file_type, options, file_type.bytes_max)
    if len(data) > file_type.bytes_max:
        refuse_size(file_type.bytes_max)
    target.write(data)
    return size


def _check(data: bytes, file_type: FileType) -> tuple[tuple[int, int], Image.Transpose | None]:
    """Decode every frame, and return the size and how the picture is turned upright."""
    with Image.open(BytesIO(data), formats=[file_type.pillow_format]) as image:
        memory.refuse_long_sides(image.size)
        size = image.size  # a later frame of a GIF may reach beyond it
        check_renditions(image, data, limits.RENDITIONS.values())
        image.draft(None, (1, 1))  # the JPEG decoder reads all of the file, and makes an eighth of each side
        is_animated = _decode_all(image, file_type)
        image.crop((0, 0, 1, 1)).convert(shown_mode(image))  # as its renditions are
        return size, None if is_animated else UPRIGHT.get(_orientation(image))


def _upright(data: bytes, file_type: FileType, method: Image.Transpose | None) -> tuple[Image.Image, dict[str, Any]]:
    """Return the picture, turned, and how it is saved. Nothing of its decoder is left in memory."""
    with Image.open(BytesIO(data), formats=[file_type.pillow_format]) as image:
        memory.refuse_dear_turn(image, data)
        image.load()
        options = _save_options(image, file_type, data)
        info: dict[Any, Any] = {name: value for name, value in image.info.items() if name in _KEPT_INFO}
        if image.mode not in PACKED_BYTES:  # a byte or two a pixel, with a palette perhaps
            picture = image.copy() if method is None else image.transpose(method)
            picture.info = info
            return picture, options
        mode, size, bands = image.mode, image.size, list(read_bands(image))
    del image
    picture = join_bands(mode, size, bands, method)
    picture.info = info
    return picture, options


def _refuse_many_scans(data: bytes) -> None:
    """Metadata and a film behind the picture, as phones write them, may hold the same two bytes by chance."""
    if containers.strip_jpeg(data).count(_START_OF_SCAN) > SCANS_MAX:
        refuse("too_many_pixels", sentence("This picture has more than %(most)s scans.", most=SCANS_MAX))


def _refuse_large_frames(data: bytes) -> None:
    """Pillow makes room for a frame that reaches beyond the picture before it can be asked for its size."""
    frames = list(containers.gif_extents(data))
    size = max(frame[0] for frame in frames), max(frame[1] for frame in frames)
    memory.refuse_long_sides(size)
    if len(frames) > 1:
        memory.refuse_dear_frames(size)


def _refuse_large_bitstream(data: bytes) -> None:
    """A picture of 4,000 by 4,000 pixels may be decoded as one of 14,000 by 14,000 first: that took 1.3 GB."""
    with refused_when_broken():
        pixels = avif.count_pixels(data)
    if pixels > PIXELS_MAX[AVIF]:
        refuse_pixels(PIXELS_MAX[AVIF])


def _decode_all(image: Image.Image, file_type: FileType) -> bool:
    """Decode every frame, each by itself; return whether there are several. All together have the limit of one."""
    pixels, frame = 0, 0
    pixels_max = PIXELS_MAX.get(file_type, limits.IMAGE_PIXELS_MAX)
    while True:
        pixels += image.width * image.height
        if pixels > pixels_max or frame >= FRAMES_MAX:
            refuse_pixels(pixels_max)
        if frame:
            memory.refuse_dear_frames(image.size)
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
    except BROKEN:
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
