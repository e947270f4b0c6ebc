"""The segments of a JPEG (ITU-T T.81), as far as they tell the cost of decoding.

A baseline JPEG of one scan is decoded row by row. One of several scans, progressive or not, is kept
as coefficients, and every scan passes over all blocks again, even when it is 10 bytes long.
"""

import re
import struct
from typing import NamedTuple

from detectlab.vision.headers.base import Header, ImageError, damaged, too_costly

_MAX_SEGMENTS = 2000  # in front of the pixels; photographs with a colour profile have about 300
_MAX_SCANS = 100  # encoders write 10 to 12
# Samples that all scans together pass over. The 10 scans of libjpeg pass over 8 samples a pixel
# of a picture with halved colours, and over 14 with full ones: at most 370 million samples within
# the bound of memory.
_MAX_SCANNED_SAMPLES = 450_000_000

_NOT_FILL = re.compile(rb"[^\xff]")
# Within a scan, FF 00 is a byte of data and FF D0 to D7 are restarts.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = {0xC0, 0xC1}  # Huffman-coded; the others are progressive, lossless or arithmetic
_SOS, _EOI = 0xDA, 0xD9
_STANDALONE = {0x00, 0x01, *range(0xD0, 0xD9)}


class _Frame(NamedTuple):
    marker: int
    precision: int
    width: int
    height: int
    samples: dict[int, int]  # of each component, padded to whole blocks


def read(data: bytes) -> Header:
    """The header of a JPEG; of several pictures in one file (MPO), of the first.

    Raises:
        ImageError: When it is damaged, or has more scans than are taken.
    """
    frame, scan = _find_scan(data)
    memory = 3 * frame.width * frame.height
    if frame.marker in _SEQUENTIAL and data[scan + 2] == len(frame.samples):
        is_complete = data.rfind(b"\xff\xd9", scan) >= 0
        is_plain = frame.precision == 8
    else:
        is_complete, is_plain = _check_scans(data, scan, frame), False
        memory += 2 * sum(frame.samples.values())
    return Header("JPEG", frame.width, frame.height, memory, is_complete, is_plain)


def _find_scan(data: bytes) -> tuple[_Frame, int]:
    """The frame header, and where the segment of the first scan begins."""
    frame, position = None, 2
    for _ in range(_MAX_SEGMENTS):
        marker, position = _next_marker(data, position)
        if marker in _STANDALONE:
            continue
        end = position + int.from_bytes(data[position : position + 2], "big")
        if marker == _SOS and frame and end < len(data):
            return frame, position
        if marker in (_SOS, _EOI) or end <= position or (frame and marker in _FRAMES):
            raise damaged("JPEG")
        if marker in _FRAMES:
            frame = _read_frame(marker, data[position + 2 : end])
        position = end
    raise _too_many_segments()


def _too_many_segments() -> ImageError:
    return too_costly("JPEG", f"too many segments (at most {_MAX_SEGMENTS:,} are taken)")


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker at or behind a position, and where its segment begins."""
    start = data.find(b"\xff", position)
    code = _NOT_FILL.search(data, start) if start >= 0 else None
    if code is None:
        raise damaged("JPEG")
    return code[0][0], code.end()


def _read_frame(marker: int, segment: bytes) -> _Frame:
    try:
        precision, height, width, count = struct.unpack_from(">BHHB", segment)
        components = [struct.unpack_from("BBB", segment, 6 + 3 * n) for n in range(count)]
    except struct.error:
        raise damaged("JPEG") from None
    factors = {name: (sampling >> 4, sampling & 15) for name, sampling, _ in components}
    sides = [side for pair in factors.values() for side in pair]
    if not (width and height and 1 <= count <= 4 and min(sides) >= 1 and max(sides) <= 4):
        raise damaged("JPEG")
    columns = -(-width // (8 * max(across for across, _ in factors.values())))
    rows = -(-height // (8 * max(down for _, down in factors.values())))
    samples = {
        name: 64 * columns * rows * across * down for name, (across, down) in factors.items()
    }
    return _Frame(marker, precision, width, height, samples)


def _check_scans(data: bytes, position: int, frame: _Frame) -> bool:
    """Bound the scans and the work they make, and say whether the end of the picture is there.

    Args:
        data: The file.
        position: Where the segment of the first scan begins.
        frame: What its components are.
    """
    scans = scanned = 0
    marker = _SOS
    for _ in range(_MAX_SEGMENTS):
        end = position + int.from_bytes(data[position : position + 2], "big")
        if marker == _SOS:
            scans += 1
            components = data[position + 3 : max(position, end - 3) : 2]
            scanned += sum(frame.samples.get(name, 0) for name in components)
        if scans > _MAX_SCANS:
            raise too_costly("JPEG", f"too many scans (at most {_MAX_SCANS} are taken)")
        if scanned > _MAX_SCANNED_SAMPLES:
            raise too_costly("JPEG", f"{scans} or more scans, too many for a picture of its size")
        found = _MARKER.search(data, max(position, end))
        if found is None:
            return False
        if found[0][1] == _EOI:
            return True
        marker, position = found[0][1], found.end()
    raise _too_many_segments()
