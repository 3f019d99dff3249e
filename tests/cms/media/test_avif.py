"""An AVIF is refused before it is decoded, if its bitstream costs more than the size that it claims."""

import io
import struct
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cms.errors import InvalidInput
from cms.media.av1 import FRAMES_MAX
from cms.media.avif import CODED_MAX, count_pixels
from cms.media.file_types import AVIF
from cms.media.images import clean_image
from tests.cms.media.avif_files import Item, avif_of, box, coded, full_box, grid_of, unit, units, with_own_size
from tests.cms.media.pictures import PROFILE, XMP, encode, exif
from tests.memory import peak_memory
from tests.processor import processor_time

NOT_UNDERSTOOD: Final = (ValueError, LookupError, struct.error)
LARGE: Final = 10_000_000
SMALL_PICTURE: Final = coded((64, 48))
PLAIN: Final = avif_of(SMALL_PICTURE)
GREY_AND_ALPHA: Final = Image.merge("RGBA", [Image.effect_noise((64, 48), 80)] * 4)


def cleaned(content: bytes) -> Image.Image:
    target = io.BytesIO()
    clean_image(io.BytesIO(content), target, AVIF)
    return Image.open(target)


def code_of(content: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        cleaned(content)
    return caught.value.errors[0].code


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """All channels are different: an alpha of nothing but 255 is not stored."""
    return Image.merge(mode, [Image.effect_noise(size, 80) for _ in mode])


# -- what real tools write --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (7, 3), (641, 1), (63, 65), (300, 200)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_of_any_size_is_taken(size: tuple[int, int], mode: str) -> None:
    content = encode(noise(mode, size), "AVIF", speed=10)
    assert count_pixels(content) == size[0] * size[1]
    assert cleaned(content).size == size


@pytest.mark.parametrize(
    "options",
    [
        *({"subsampling": each} for each in ("4:2:0", "4:2:2", "4:4:4", "4:0:0")),
        *({"exif": exif(orientation)} for orientation in range(1, 9)),
        {"icc_profile": PROFILE, "xmp": XMP},
        {"icc_profile": bytes(300_000)},
        {"quality": 100},
        {"tile_rows": 1, "tile_cols": 1, "autotiling": False},
        {"alpha_premultiplied": True},
    ],
    ids=lambda options: " ".join(f"{name}={str(value)[:20]}" for name, value in options.items()),
)
def test_a_picture_that_was_written_otherwise_is_taken(options: dict[str, Any]) -> None:
    assert cleaned(encode(noise("RGBA", (300, 200)), "AVIF", speed=10, **options)).mode == "RGBA"


def test_a_picture_and_its_equal_alpha_may_share_their_bytes() -> None:
    """libavif stores them once."""
    stream = SMALL_PICTURE.stream + unit(15, bytes(2_000))
    content = avif_of(*[Item(stream, (64, 48), SMALL_PICTURE.header)] * 2)
    length, first = len(stream), len(content) - 2 * len(stream)
    shared = content.replace(struct.pack(">LL", first + length, length), struct.pack(">LL", first, length))
    shared = shared[:-length].replace(
        struct.pack(">L4s", 2 * length + 8, b"mdat"), struct.pack(">L4s", length + 8, b"mdat")
    )
    assert len(shared) < 1.5 * length
    assert cleaned(shared).size == (64, 48)


def test_thumbnails_and_metadata_are_taken() -> None:
    metadata = [Item(b"\0\0\0\0MM\0*", kind=b"Exif"), Item(b"<x/>", kind=b"mime")]
    assert count_pixels(avif_of(SMALL_PICTURE, *[coded((16, 12))] * (CODED_MAX - 1), *metadata)) == 64 * 48


def test_bytes_may_be_within_the_metadata_and_the_last_box_without_a_length() -> None:
    content = avif_of(SMALL_PICTURE, is_in_idat=True)
    assert cleaned(content).size == (64, 48)
    at = content.index(b"meta") - 4
    assert cleaned(content[:at] + bytes(4) + content[at + 4 :]).size == (64, 48)


def test_a_layer_may_be_smaller_than_the_picture() -> None:
    layer = with_own_size(SMALL_PICTURE, (4_000, 2_000))
    assert count_pixels(avif_of(layer)) == 1 << 26  # its numbers have 13 bits each, of which nothing more is known


# -- what they don't --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [(100, 100), (600, 599), (599, 600), (60_000, 1)])
def test_a_picture_larger_than_it_claims_is_refused(claimed: tuple[int, int]) -> None:
    assert code_of(avif_of(coded((600, 600), claimed))) == "broken_file"


def test_an_alpha_or_a_thumbnail_larger_than_it_claims_is_refused() -> None:
    assert code_of(avif_of(SMALL_PICTURE, coded((600, 600), (64, 48)))) == "broken_file"


def test_a_second_sequence_header_counts_wherever_it_is() -> None:
    (large,) = [unit(1, content) for kind, content in units(coded((600, 600)).stream) if kind == 1]
    stream, header = SMALL_PICTURE.stream, SMALL_PICTURE.header
    assert cleaned(avif_of(Item(stream, (64, 48), header))).size == (64, 48)
    assert code_of(avif_of(Item(stream + large, (64, 48), header))) == "broken_file"
    assert code_of(avif_of(Item(large + stream, (64, 48), header))) == "broken_file"
    assert code_of(avif_of(Item(stream, (64, 48), header + large))) == "broken_file"


def test_a_frame_with_a_size_of_its_own_counts_as_the_largest_that_it_may_have() -> None:
    """Decoders don't hold it against that of the sequence."""
    content = avif_of(with_own_size(coded((600, 600)), (100, 100)))
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.size == (100, 100)
    assert code_of(content) == "too_many_pixels"


def test_more_frames_than_layers_are_refused() -> None:
    """A decoder goes through all frames that aren't shown."""
    (frame,) = [unit(6, content) for kind, content in units(SMALL_PICTURE.stream) if kind == 6]
    item = SMALL_PICTURE
    assert count_pixels(avif_of(Item(item.stream + frame * (FRAMES_MAX - 1), item.size, item.header)))
    assert code_of(avif_of(Item(item.stream + frame * FRAMES_MAX, item.size, item.header))) == "broken_file"


def test_a_picture_of_too_many_pixels_is_refused_whatever_its_claim() -> None:
    (large,) = [unit(1, content) for kind, content in units(coded((4_001, 4_000)).stream) if kind == 1]
    item = Item(large + SMALL_PICTURE.stream, (4_001, 4_000), SMALL_PICTURE.header)
    with peak_memory() as peak:
        assert code_of(avif_of(item)) == "too_many_pixels"
    assert peak.bytes < 10_000_000


@pytest.mark.parametrize("claimed", [(100, 100), (600, 600)])
def test_tiles_are_refused(claimed: tuple[int, int]) -> None:
    assert code_of(grid_of(coded((600, 600), claimed), 2, 3)) == "unsupported_type"


@pytest.mark.parametrize("kind", [b"grid", b"iovl", b"iden", b"tmap", b"sato", b"hvc1", b"jpeg", b"\0\0\0\0"])
def test_an_item_of_another_kind_is_refused(kind: bytes) -> None:
    assert code_of(avif_of(SMALL_PICTURE, Item(b"abc", kind=kind))) == "unsupported_type"


def test_more_pictures_than_thumbnails_explain_are_refused() -> None:
    assert code_of(avif_of(*[SMALL_PICTURE] * (CODED_MAX + 1))) == "unsupported_type"


@pytest.mark.parametrize("name", [b"moov", b"mini"])
def test_an_animation_is_refused(name: bytes) -> None:
    assert code_of(PLAIN + box(name, b"")) == "unsupported_type"


def test_an_animation_that_pillow_writes_is_refused() -> None:
    content = encode(noise("RGB", (64, 48)), "AVIF", save_all=True, append_images=[noise("RGB", (64, 48))])
    assert code_of(content.replace(b"ftypavis", b"ftypavif")) == "unsupported_type"


@pytest.mark.parametrize("name", [b"meta", b"pitm", b"iloc", b"iinf", b"iprp", b"ipco", b"ipma", b"ispe", b"av1C"])
def test_a_box_that_is_missing_is_refused(name: bytes) -> None:
    assert code_of(PLAIN.replace(name, b"free")) == "broken_file"


@pytest.mark.parametrize("name", [b"pitm", b"iloc", b"iinf", b"iprp"])
def test_a_box_that_is_there_twice_is_refused(name: bytes) -> None:
    at = PLAIN.index(name) - 4
    copy = PLAIN[at : at + int.from_bytes(PLAIN[at : at + 4])]
    assert code_of(avif_of(SMALL_PICTURE, within=copy)) == "broken_file"


@pytest.mark.parametrize("length", [2, 7, 9, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("name", [b"meta", b"iloc", b"iinf", b"infe", b"iprp", b"ipco", b"ispe", b"mdat"])
def test_a_box_of_an_absurd_length_is_refused(name: bytes, length: int) -> None:
    at = PLAIN.index(name) - 4
    assert code_of(PLAIN[:at] + struct.pack(">L", length) + PLAIN[at + 4 :]) == "broken_file"


@pytest.mark.parametrize(
    "sequence",
    [
        "000" + "10" + "1" + "0" * 64 + "1" + "0" * 40,  # a number after 32 zeros: the decoder stops earlier
        "000" + "10" + "1" + "0" * 64 + "0" + "1",  # a model of the decoder
        "000" + "10" + "0" + "1" + "11111",  # cut off after the first of 32 operating points
    ],
)
def test_a_sequence_header_that_is_not_understood_is_refused(sequence: str) -> None:
    content = int(sequence, 2).to_bytes(-(-len(sequence) // 8))
    item = Item(unit(1, content) + SMALL_PICTURE.stream, (64, 48), SMALL_PICTURE.header)
    assert code_of(avif_of(item)) == "broken_file"


# -- what it costs to find out ----------------------------------------------------------------------------------------


def _instead(name: bytes, piece: bytes, before: bytes = b"") -> bytes:
    """A file whose box of this name is full of the same piece."""
    content = avif_of(SMALL_PICTURE, within=box(name, before + piece * (LARGE // len(piece))))
    return content.replace(name, b"free", content.count(name) - 1)


def _nested() -> bytes:
    """Each box within another one."""
    count = LARGE // 8
    return avif_of(
        SMALL_PICTURE, within=b"".join(struct.pack(">L4s", 8 * (count - depth), b"iprp") for depth in range(count))
    )


HOSTILE: Final[dict[str, Callable[[], bytes]]] = {
    "boxes of nothing": lambda: PLAIN + box(b"free", b"") * (LARGE // 8),
    "boxes within boxes": _nested,
    "boxes in the metadata": lambda: avif_of(SMALL_PICTURE, within=box(b"free", b"") * (LARGE // 8)),
    "items": lambda: _instead(b"iinf", full_box(b"infe", bytes(4) + b"av01\0", 2), bytes(6)),
    "references": lambda: _instead(b"iref", box(b"thmb", bytes(6)), bytes(4)),
    "units": lambda: avif_of(Item(unit(15, b"") * (LARGE // 2), (64, 48), SMALL_PICTURE.header)),
    "units in the header": lambda: avif_of(Item(SMALL_PICTURE.stream, (64, 48), unit(15, b"") * (LARGE // 2))),
    "tiles": lambda: avif_of(Item(unit(4, b"ab") * (LARGE // 4), (64, 48), SMALL_PICTURE.header)),
    "the same bytes again": lambda: avif_of(
        Item(SMALL_PICTURE.stream + unit(15, bytes(LARGE)), (64, 48), SMALL_PICTURE.header, repeats=2_000)
    ),
    "the same metadata again": lambda: avif_of(
        SMALL_PICTURE, *[Item(bytes(LARGE // 30), kind=b"Exif", repeats=60)] * 30
    ),
    "locations": lambda: _instead(b"iloc", bytes(14), b"\2\0\0\0\x44\0\0\xff\xff\xff"),
    "properties": lambda: _instead(b"iprp", box(b"ispe", b""), struct.pack(">L4s", LARGE // 8 * 8 + 8, b"ipco")),
    "links to properties": lambda: _instead(b"iprp", bytes(8), box(b"ipco", b"") + struct.pack(">L4s", 0, b"ipma")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_written_to_take_long_is_refused_at_once(name: str) -> None:
    content = HOSTILE[name]()
    with processor_time() as spent, peak_memory() as peak:
        assert code_of(content) in ("broken_file", "unsupported_type")
    assert spent.seconds < 1
    assert peak.bytes < 5 * LARGE


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except InvalidInput as refusal:
        return refusal.errors[0].code
    except NOT_UNDERSTOOD:
        return "not understood"
    return "taken"


@given(
    base=st.sampled_from(
        [PLAIN, avif_of(SMALL_PICTURE, SMALL_PICTURE, is_in_idat=True), encode(GREY_AND_ALPHA, "AVIF")]
    ),
    changes=st.lists(st.tuples(st.integers(0, 450), st.integers(0, 255)), min_size=1, max_size=6),
    end=st.integers(-20, 0),
)
@settings(max_examples=400, deadline=None)
def test_any_damage_is_understood_or_refused(base: bytes, changes: list[tuple[int, int]], end: int) -> None:
    damaged = bytearray(base[: len(base) + end])
    for at, value in changes:
        damaged[at % len(damaged)] = value
    assert outcome(lambda: count_pixels(bytes(damaged))) in ("taken", "not understood", "unsupported_type")


@given(changes=st.lists(st.tuples(st.integers(12, len(PLAIN) - 1), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_a_damaged_upload_is_taken_or_refused(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(PLAIN)
    for at, value in changes:
        damaged[at] = value
    assert outcome(lambda: cleaned(bytes(damaged))) in ("taken", "broken_file", "unsupported_type", "too_many_pixels")
