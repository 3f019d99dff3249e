"""How large the frames of an AV1 bitstream may be, by its headers: nothing is decoded.

The sections are those of the AV1 Bitstream and Decoding Process Specification, version 1.0.0 with errata 1.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

FRAMES_MAX: Final = 4
"""One for each layer of a picture (section 7.8). Each takes as long as a picture, and may have ten bytes."""
_OBUS_MAX: Final = 5_000  # a frame may have 4,096 tiles, each in an OBU of its own
_HEADER_BYTES: Final = 256  # a sequence header of 32 operating points has half as many
_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER = 1, 3, 6, 7  # section 6.2.2
_KEY_FRAME, _SWITCH_FRAME = 0, 3  # section 6.8.2
_SELECT: Final = 2  # section 3: each frame says so itself


class FrameBounds(NamedTuple):
    width: int
    height: int
    pixels: int
    """More than width times height, if a frame has its own size: decoders don't compare it with that of all."""


class _Sequence(NamedTuple):
    width: int
    height: int
    size_bits: int
    """The bits of width and height together, in a frame that has its own."""
    is_reduced: bool
    screen_content: int = _SELECT
    integer_vectors: int = _SELECT
    frame_id_bits: int = 0


class _Bits:
    """The beginning of a header, bit by bit. Raises ValueError behind its end."""

    def __init__(self, data: memoryview) -> None:
        head = data[:_HEADER_BYTES]
        self._number, self._left = int.from_bytes(head), 8 * len(head)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("a header is cut off")
        return self._number >> self._left & ((1 << count) - 1)

    def skip_variable(self) -> None:
        """Section 4.10.3. Raise ValueError for 32 zeros and more, after which decoders go on at different bits."""
        zeros = next((count for count in range(32) if self.take(1)), None)
        if zeros is None:
            raise ValueError("a number without an end")
        self.take(zeros)


def read_bounds(data: memoryview) -> FrameBounds:
    """Return the bounds of all frames of a bitstream (section 5.3). Raises ValueError if it isn't understood."""
    sequence: _Sequence | None = None
    width = height = pixels = frames = 0
    for kind, body in _obus(data):
        if kind == _SEQUENCE_HEADER:
            sequence = _read_sequence(_Bits(body))
            width, height = max(width, sequence.width), max(height, sequence.height)
            pixels = max(pixels, sequence.width * sequence.height)
        elif kind in (_FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER):
            frames += 1
            if sequence is None or frames > FRAMES_MAX:
                raise ValueError("a frame too many")
            if _has_own_size(_Bits(body), sequence):
                pixels = max(pixels, 1 << sequence.size_bits)
    return FrameBounds(width, height, pixels)


def _obus(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the type and the content of each unit (sections 5.3.1 and 5.3.2)."""
    at = 0
    for _ in range(_OBUS_MAX):
        if at == len(data):
            return
        head = data[at]
        if head & 0x80:
            raise ValueError("no unit where one has to be")
        at += 2 if head & 0x04 else 1
        length = len(data) - at
        if head & 0x02:
            length, at = _leb128(data, at)
        if not 0 <= length <= len(data) - at:
            raise ValueError("a unit is cut off")
        yield head >> 3 & 0x0F, data[at : at + length]
        at += length
    raise ValueError("too many units")


def _leb128(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number that stands there, and where it ends (section 4.10.5)."""
    value = 0
    for place in range(8):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise ValueError("a number without an end")


def _read_sequence(bits: _Bits) -> _Sequence:
    """Section 5.5.1."""
    bits.take(4)
    is_reduced = bool(bits.take(1))
    if is_reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(width_bits) + 1, bits.take(height_bits) + 1
    sequence = _Sequence(width, height, width_bits + height_bits, is_reduced)
    if is_reduced:
        return sequence
    frame_id_bits = bits.take(4) + bits.take(3) + 3 if bits.take(1) else 0
    bits.take(7)
    if bits.take(1):  # the order of frames has two flags more
        bits.take(2)
    screen_content = _SELECT if bits.take(1) else bits.take(1)
    integer_vectors = bits.take(1) if screen_content and not bits.take(1) else _SELECT
    return sequence._replace(
        screen_content=screen_content, integer_vectors=integer_vectors, frame_id_bits=frame_id_bits
    )


def _skip_operating_points(bits: _Bits) -> None:
    """Raise ValueError for a model of the decoder's buffers (section 5.5.4): films have one, pictures don't."""
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.skip_variable()
        if bits.take(1):
            raise ValueError("a model of the decoder")
    has_delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if has_delays and bits.take(1):
            bits.take(4)


def _has_own_size(bits: _Bits, sequence: _Sequence) -> bool:
    """Return frame_size_override_flag (section 5.9.2)."""
    if sequence.is_reduced or bits.take(1):  # the latter shows an earlier frame again
        return False
    kind, is_shown = bits.take(2), bits.take(1)
    if not is_shown:
        bits.take(1)
    if kind != _SWITCH_FRAME and not (kind == _KEY_FRAME and is_shown):
        bits.take(1)
    bits.take(1)
    has_screen_content = bits.take(1) if sequence.screen_content == _SELECT else sequence.screen_content
    if has_screen_content and sequence.integer_vectors == _SELECT:
        bits.take(1)
    bits.take(sequence.frame_id_bits)
    return kind == _SWITCH_FRAME or bool(bits.take(1))
