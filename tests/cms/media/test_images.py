"""Images lose their metadata and nothing else; broken, cut off and absurdly large ones are refused."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageSequence, PngImagePlugin

from cms import limits
from cms.errors import InvalidInput
from cms.limits import RENDITIONS
from cms.media import images
from cms.media.file_types import FileType
from cms.media.images import clean_image
from cms.media.renditions import PROFILE_BYTES_MAX, make_rendition
from cms.media.sniffing import sniff
from tests.cms.media.pictures import PROFILE, SECRETS, animation, encode, exif, halves, photograph, picture
from tests.memory import peak_memory
from tests.slow import slow

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
WITH_EXIF = ("JPEG", "PNG", "WEBP", "AVIF")
PIXELS_COPIED = ("JPEG", "PNG", "GIF", "WEBP")


def cleaned(content: bytes) -> bytes:
    source, target = io.BytesIO(content), io.BytesIO()
    file_type = sniff(source, "")
    source.seek(0)
    size = clean_image(source, target, file_type)
    assert Image.open(io.BytesIO(target.getvalue())).size == size
    return target.getvalue()


def code_of(content: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        cleaned(content)
    return caught.value.errors[0].code


def shown(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def difference(one: bytes, other: bytes) -> int:
    """Of the two most different pixels."""
    return max(ImageChops.difference(shown(one), shown(other)).tobytes())


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))


def png_of(width: int, height: int) -> bytes:
    """A header that promises this many pixels, and a hundred bytes of them."""
    header = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("pillow_format", WITH_EXIF)
def test_place_maker_comment_and_xmp_are_gone_and_the_colour_profile_stays(pillow_format: str) -> None:
    before = photograph(pillow_format)
    assert dict(Image.open(io.BytesIO(before)).getexif().get_ifd(0x8825))
    after = cleaned(before)
    image = Image.open(io.BytesIO(after))
    image.load()
    assert not dict(image.getexif())
    assert image.info["icc_profile"] == PROFILE
    assert not image.info.keys() & {"exif", "xmp", "comment", "photoshop", "XML:com.adobe.xmp"}
    assert not [secret for secret in SECRETS if secret in after]


@pytest.mark.parametrize("pillow_format", PIXELS_COPIED)
def test_the_pixels_are_copied_as_they_are(pillow_format: str) -> None:
    before = photograph(pillow_format)
    assert difference(before, cleaned(before)) == 0
    assert cleaned(cleaned(before)) == cleaned(before)


@pytest.mark.parametrize("pillow_format", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_stored_upright(pillow_format: str, orientation: int) -> None:
    upright = picture((64, 48))
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # what undoes the orientation's own turn
    stored = upright if turn is None else upright.transpose(Image.Transpose(turn))
    content = encode(
        stored, pillow_format, exif=exif(orientation), **({"lossless": True} if pillow_format == "WEBP" else {})
    )
    after = cleaned(content)
    assert Image.open(io.BytesIO(after)).size == (64, 48)
    corners = [shown(after).convert("1").getpixel(at) for at in ((8, 8), (56, 8), (8, 40), (56, 40))]
    assert [bool(value) for value in corners] == [True, False, False, False]


SIDEWAYS = exif(6).tobytes()
RAW = f"\nexif\n{len(SIDEWAYS):8}\n{SIDEWAYS.hex()}\n"
XMP_SIDEWAYS = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def noted(key: str, text: str, *, is_packed: bool = False) -> PngImagePlugin.PngInfo:
    notes = PngImagePlugin.PngInfo()
    notes.add_text(key, text, zip=is_packed)
    return notes


@pytest.mark.parametrize(
    ("pillow_format", "options"),
    [
        ("JPEG", {"xmp": XMP_SIDEWAYS}),
        ("PNG", {"pnginfo": noted("Raw profile type exif", RAW)}),
        ("PNG", {"pnginfo": noted("Raw profile type exif", RAW, is_packed=True)}),
    ],
    ids=["xmp", "as ImageMagick does", "packed"],
)
def test_a_picture_is_turned_whoever_has_noted_how(pillow_format: str, options: dict[str, Any]) -> None:
    content = encode(picture((64, 48)), pillow_format, **options)
    assert Image.open(io.BytesIO(cleaned(content))).size == (48, 64)


@pytest.mark.parametrize("pillow_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_moves_on(pillow_format: str) -> None:
    before = animation(pillow_format)
    after = cleaned(before)
    frames = [
        [f.convert("RGB").tobytes() for f in ImageSequence.Iterator(Image.open(io.BytesIO(c)))] for c in (before, after)
    ]
    assert frames[0] == frames[1]
    assert len(frames[1]) == 3
    image = Image.open(io.BytesIO(after))
    image.load()
    assert (image.info["loop"], image.info["duration"]) == (3, 120)
    assert not [secret for secret in SECRETS if secret in after]


@pytest.mark.parametrize("pillow_format", PIXELS_COPIED)
@pytest.mark.parametrize("payload", [b"<script>alert(1)</script>", b"%PDF-1.7 %%EOF", b"PK\x03\x04" + bytes(30)])
def test_what_follows_the_image_is_cut_off(pillow_format: str, payload: bytes) -> None:
    assert payload not in cleaned(photograph(pillow_format) + payload)


def test_a_gif_with_an_empty_comment_is_taken_without_it() -> None:
    content = encode(picture(), "GIF")
    assert cleaned(content[:-1] + b"\x21\xfe\0;") == cleaned(content)


def test_a_script_in_the_comment_of_a_gif_is_gone() -> None:
    content = encode(picture(), "GIF", comment=b"*/=1;alert(1)//")
    assert b"alert" in content
    assert b"alert" not in cleaned(content)


def test_the_preview_inside_a_photograph_is_gone() -> None:
    """A crop keeps the whole picture in its preview."""
    plain = encode(picture(), "JPEG")
    preview = b"\xff\xe0" + struct.pack(">H", 16 + 12) + b"JFIF\0\x01\x02\x00\x00\x01\x00\x01\x02\x02" + b"PREVIEWPIXEL"
    assert plain[2:4] == b"\xff\xe0"
    content = plain[:2] + preview + plain[20:]
    assert b"PREVIEW" not in cleaned(content)
    assert difference(content, cleaned(content)) == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_photographs_of_every_kind_of_colour_are_kept(mode: str, orientation: int) -> None:
    content = encode(picture(mode="RGB").convert(mode), "JPEG", exif=exif(orientation), progressive=True)
    after = Image.open(io.BytesIO(cleaned(content)))
    assert after.mode == mode


@pytest.mark.parametrize("pillow_format", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_an_image_that_was_cut_off_is_refused(pillow_format: str, share: float) -> None:
    content = encode(Image.effect_noise((64, 48), 80).convert("RGB"), pillow_format)
    assert code_of(content[: int(len(content) * share)]) == "broken_file"


@pytest.mark.parametrize("head", [b"GIF89a/*\x00", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x00\x00\x00WEBP"])
def test_a_good_beginning_does_not_make_an_image(head: bytes) -> None:
    assert code_of(head + b"*/=1;alert(document.domain)//" * 20) == "broken_file"


def test_colours_of_a_palette_that_is_not_there_are_refused() -> None:
    """It can be decoded, and none of its renditions can be made."""
    content = encode(picture().convert("P"), "PNG")
    palette = content.index(b"PLTE")
    length = int.from_bytes(content[palette - 4 : palette])
    assert cleaned(content)
    assert code_of(content[: palette - 4] + content[palette + 8 + length :]) == "broken_file"


@pytest.mark.parametrize("size", [(10_000, 5_001), (200_000, 200_000), (2**31 - 1, 1), (1, 50_000_001)])
def test_a_header_that_promises_too_many_pixels_is_refused_unseen(size: tuple[int, int]) -> None:
    assert code_of(png_of(*size)) == "too_many_pixels"


def test_a_photograph_of_some_scans_is_taken_and_one_of_countless_is_not() -> None:
    progressive = encode(picture((64, 64)), "JPEG", progressive=True)
    assert 5 < progressive.count(b"\xff\xda") < 20
    assert cleaned(progressive)
    preview, film = b"\xff\xe1\x01\x00" + b"\xff\xda" * 127, b"\xff\xda" * images.SCANS_MAX
    assert cleaned(progressive[:2] + preview + progressive[2:] + film)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    assert code_of(progressive[:-2] + scan * images.SCANS_MAX + b"\xff\xd9") == "too_many_pixels"


@pytest.mark.parametrize("file_type", images.PIXELS_MAX, ids=lambda file_type: file_type.pillow_format)
def test_types_that_are_dear_to_decode_have_fewer_pixels(file_type: FileType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(images.PIXELS_MAX, file_type, 64 * 48)
    assert cleaned(photograph(file_type.pillow_format))
    assert code_of(photograph(file_type.pillow_format, size=(64, 49))) == "too_many_pixels"


def test_fifty_megapixels_are_taken() -> None:
    content = encode(Image.new("1", (10_000, 5_000)), "PNG")
    assert cleaned(content)


@pytest.mark.parametrize("pillow_format", ["GIF", "WEBP"])
def test_the_pixels_of_all_frames_count(pillow_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMAGE_PIXELS_MAX", 32 * 24 * 3)
    monkeypatch.setattr(images, "PIXELS_MAX", {})
    assert cleaned(animation(pillow_format))
    assert code_of(animation(pillow_format, frames=4)) == "too_many_pixels"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of broken metadata, which goes anyway
def test_images_of_random_damage_are_refused_or_taken_and_nothing_else() -> None:
    rng, outcomes = random.Random(7), {"taken": 0, "refused": 0}
    contents = [*(photograph(name) for name in WITH_EXIF), *(animation(name) for name in ("GIF", "WEBP", "PNG"))]
    contents.append(encode(picture().convert("P"), "PNG"))
    for turn in range(240):
        broken = bytearray(contents[turn % len(contents)])
        for _ in range(rng.randint(1, 8)):
            broken[rng.randrange(12, len(broken))] = rng.randrange(256)
        try:
            taken = cleaned(bytes(broken))
        except InvalidInput as error:
            outcomes["refused"] += bool(error.errors)
        else:
            outcomes["taken"] += bool(taken)
            assert make_rendition(io.BytesIO(taken), RENDITIONS["square-160"])
    assert outcomes["taken"] + outcomes["refused"] == 240
    assert min(outcomes.values()) > 0


@pytest.mark.parametrize(
    ("spec", "size", "expected"),
    [
        ("width-320", (800, 600), (320, 240)),
        ("width-1280", (800, 600), (800, 600)),
        ("width-640", (641, 20), (640, 20)),
        ("width-320", (330, 33_000), (164, 16_383)),
        ("width-320", (1, 1), (1, 1)),
        ("square-160", (800, 600), (160, 160)),
        ("square-160", (100, 300), (100, 100)),
        ("square-160", (2_000, 1), (1, 1)),
    ],
)
def test_a_rendition_has_its_size_and_never_more_than_the_image(
    spec: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    content, *sides = make_rendition(io.BytesIO(encode(Image.new("RGB", size), "PNG")), RENDITIONS[spec])
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.size, tuple(sides)) == ("WEBP", expected, expected)


@pytest.mark.parametrize("mode", ["RGBA", slow("RGB"), slow("P"), slow("L"), slow("1")])
def test_a_rendition_of_the_largest_image_takes_less_than_400_mib(mode: str) -> None:
    content = io.BytesIO(encode(Image.new(mode, (10_000, 5_000)), "PNG"))
    with peak_memory() as peak:
        make_rendition(content, RENDITIONS["width-1280"])
    assert peak.bytes < 400 * 1024 * 1024


def _transparent() -> bytes:
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    return encode(image, "PNG")


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (lambda: encode(picture((800, 600)).convert("CMYK"), "JPEG"), "RGB"),
        (lambda: encode(Image.new("I;16", (400, 400)), "PNG"), "RGB"),
        (lambda: encode(Image.new("1", (400, 400)), "PNG"), "RGB"),
        (lambda: animation("GIF"), "RGB"),
        (_transparent, "RGBA"),
        (lambda: encode(picture((800, 600)), "AVIF"), "RGB"),
    ],
    ids=["cmyk", "16 bits", "1 bit", "animation", "transparent", "avif"],
)
def test_every_kind_of_image_has_renditions(make: Callable[[], bytes], mode: str) -> None:
    content, *_ = make_rendition(io.BytesIO(make()), RENDITIONS["width-320"])
    image = Image.open(io.BytesIO(content))
    assert (image.mode, getattr(image, "n_frames", 1)) == (mode, 1)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_gray_is_so_at_every_depth(bits: int) -> None:
    """The upper half of the picture has the gray that is transparent, the lower half another."""
    side, gray = 64, 1
    header = struct.pack(">LLBBBBB", side, side, bits, 0, 0, 0, 0)
    upper = int(f"{gray:0{bits}b}" * (8 // bits), 2).to_bytes()
    rows = (b"\0" + upper * (side * bits // 8)) * (side // 2) + (b"\0" + bytes(side * bits // 8)) * (side // 2)
    chunks = [(b"IHDR", header), (b"tRNS", struct.pack(">H", gray)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    made, *_ = make_rendition(io.BytesIO(cleaned(content)), RENDITIONS["width-320"])
    alpha = Image.open(io.BytesIO(made)).convert("RGBA").getchannel("A")
    assert [alpha.getpixel((side // 2, row)) for row in (8, side - 8)] == [0, 255]


@pytest.mark.parametrize("size", [(256, 40), (2_560, 400)], ids=["as it is", "reduced"])
def test_grays_of_16_bits_keep_their_brightness(size: tuple[int, int]) -> None:
    """Each pixel of the gradient is as bright as its column is far from the left."""
    row = b"".join(struct.pack("<H", x * 65_535 // (size[0] - 1)) for x in range(size[0]))
    content = encode(Image.frombytes("I;16", size, row * size[1]), "PNG")
    made, width, height = make_rendition(io.BytesIO(cleaned(content)), RENDITIONS["width-320"])
    grays = shown(made).getchannel("G").crop((0, height // 2, width, height // 2 + 1)).tobytes()
    assert max(abs(gray - x * 255 / (width - 1)) for x, gray in enumerate(grays)) < 8


@pytest.mark.parametrize(("size", "is_kept"), [(PROFILE_BYTES_MAX, True), (PROFILE_BYTES_MAX + 1, False)])
def test_a_rendition_has_no_large_colour_profile(size: int, is_kept: bool) -> None:
    """The smallest one would else weigh as much as the picture."""
    content, *_ = make_rendition(
        io.BytesIO(encode(picture(), "JPEG", icc_profile=PROFILE.ljust(size, b"\0"))), RENDITIONS["square-160"]
    )
    assert ("icc_profile" in Image.open(io.BytesIO(content)).info) is is_kept


@pytest.mark.parametrize(
    ("mode", "colours", "is_kept"),
    [
        ("RGB", b"RGB ", True),
        ("L", b"RGB ", True),
        ("L", b"GRAY", False),
        ("CMYK", b"CMYK", False),
        ("RGB", b"", False),
    ],
)
def test_a_rendition_keeps_a_colour_profile_of_rgb_alone(mode: str, colours: bytes, is_kept: bool) -> None:
    profile = PROFILE[:16] + colours + PROFILE[20:] if colours else b"short"
    content = encode(picture(mode="RGB").convert(mode), "JPEG", icc_profile=profile)
    made, *_ = make_rendition(io.BytesIO(content), RENDITIONS["square-160"])
    assert ("icc_profile" in Image.open(io.BytesIO(made)).info) is is_kept


def test_a_square_is_cut_from_the_middle() -> None:
    image = Image.new("RGB", (900, 300), "red")
    image.paste("blue", (300, 0, 600, 300))
    content, *_ = make_rendition(io.BytesIO(encode(image, "PNG")), RENDITIONS["square-160"])
    assert all(abs(a - b) < 12 for a, b in zip(shown(content).getpixel((20, 80)), (0, 0, 255), strict=True))


@pytest.mark.parametrize(("focal_x", "colours"), [(0, "rr"), (0.35, "rr"), (0.5, "rb"), (0.65, "bb"), (1, "bb")])
def test_what_is_cut_keeps_the_focal_point(focal_x: float, colours: str) -> None:
    content, *_ = make_rendition(io.BytesIO(encode(halves(), "PNG")), RENDITIONS["square-160"], (focal_x, 0.5))
    image = Image.open(io.BytesIO(content)).convert("RGB")
    red = image.getchannel("R").crop((0, 80, 160, 81)).tobytes()
    assert "".join("r" if red[x] > 128 else "b" for x in (5, 155)) == colours
