"""Real image files made by Pillow, with all the metadata that cameras and editors leave in them."""

import io
from typing import Any

from PIL import Image, ImageCms, ImageDraw

SECRETS = (b"Canon", b"secret-comment", b"secret-xmp", b"\x00GPS")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- secret-xmp --></x:xmpmeta>'
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """Black, with its upper left quarter white: one sees how it is turned."""
    image = Image.new(mode, size)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill="white")
    return image


def exif(orientation: int = 1) -> Image.Exif:
    """Maker, orientation, and a place in Lisbon."""
    values = Image.Exif()
    values[0x010F] = "Canon"
    values[0x0112] = orientation
    values.get_ifd(0x8825).update({1: "N", 2: (38.0, 43.0, 0.0), 3: "W", 4: (9.0, 8.0, 0.0)})
    return values


def encode(image: Image.Image, pillow_format: str, **options: Any) -> bytes:
    output = io.BytesIO()
    image.save(output, pillow_format, **options)
    return output.getvalue()


def photograph(pillow_format: str = "JPEG", orientation: int = 1, size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture with a place, an XMP packet, a colour profile and, where the format has them, a comment."""
    options: dict[str, Any] = {"exif": exif(orientation), "icc_profile": PROFILE}
    if pillow_format in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = XMP
    if pillow_format == "JPEG":
        options["comment"] = b"secret-comment"
    return encode(picture(size), pillow_format, **options)


def animation(pillow_format: str, frames: int = 3) -> bytes:
    images = [Image.new("RGB", (32, 24), (80 * n, 0, 255 - 80 * n)) for n in range(frames)]
    options: dict[str, Any] = {"comment": b"secret-comment"} if pillow_format == "GIF" else {"exif": exif()}
    if pillow_format == "WEBP":
        options["lossless"] = True
    return encode(images[0], pillow_format, save_all=True, append_images=images[1:], duration=120, loop=3, **options)


def halves() -> Image.Image:
    """Return a wide picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (800, 200), "red")
    image.paste("blue", (400, 0, 800, 200))
    return image
