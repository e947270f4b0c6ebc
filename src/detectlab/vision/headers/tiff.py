"""The first directory of a TIFF (revision 6.0, and BigTIFF).

The pixels lie in strips or tiles, each of which is decoded for itself. The file says where they
are: thousands may be said to be the same bytes, or one to be far larger than the picture.
"""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.headers.base import Header, ImageError, damaged, too_costly

_MAX_ENTRIES = 1000
_MAX_BLOCKS = 20_000
_MAX_SAMPLES = 16
# How far tiles may reach beyond the picture: they are powers of two, and a small picture has one.
_MAX_PADDED_RATIO, _MAX_PADDING = 4, 4_000_000
_COMPRESSIONS = {
    1: "none",
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
    5: "LZW",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
}
_JPEG = 7
_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_STRIP_OFFSETS, _ROWS, _STRIP_COUNTS, _PLANES = 273, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325


class _Layout(NamedTuple):
    """How the pixels are divided into blocks: strips or tiles."""

    block_pixels: int
    blocks: int
    padded_pixels: int


def read(data: bytes) -> Header:
    """The header of a TIFF; of several pages, of the first.

    Raises:
        ImageError: When it is damaged, compressed in a way that is not read, or its blocks are
            larger or more than the picture needs, or share their bytes.
    """
    directory = _Directory(data)
    width, height = directory.number(_WIDTH), directory.number(_HEIGHT)
    samples, bits = directory.number(_SAMPLES, 1), directory.number(_BITS, 1)
    compression = directory.number(_COMPRESSION, 1)
    if not (width and height and 1 <= samples <= _MAX_SAMPLES and 1 <= bits <= 64):
        raise damaged("TIFF")
    if compression not in _COMPRESSIONS:
        raise ImageError(
            f"The TIFF file is compressed in a way that is not read ({compression}). Save it with "
            "LZW or deflate, or as PNG.",
            "unsupported",
        )
    layout = _layout(directory, width, height)
    is_complete = _check_blocks(directory, layout)
    if compression == _JPEG and data.count(b"\xff\xda") > 4 * layout.blocks + 16:
        raise too_costly("TIFF", "too many JPEG scans")
    memory = 6 * width * height + layout.block_pixels * max(4, -(-samples * bits // 8))
    return Header("TIFF", width, height, memory, is_complete)


class _Directory:
    """The first directory: each tag's values, read when they are asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data[:2] == b"II" else ">"
        self._is_big = data[2:4] in (b"\x2b\0", b"\0\x2b")
        (start,) = self._unpack("Q", 8) if self._is_big else self._unpack("I", 4)
        (count,) = self._unpack("Q" if self._is_big else "H", start)
        if count > _MAX_ENTRIES:
            raise damaged("TIFF")
        self._entries: dict[int, tuple[int, int, int]] = {}
        entry = "HHQ" if self._is_big else "HHI"
        size, inline = (20, 8) if self._is_big else (12, 4)
        start += 8 if self._is_big else 2
        for place in range(start, start + size * count, size):
            tag, kind, length = self._unpack(entry, place)
            if tag in self._entries:  # decoders differ in which one they believe
                raise damaged("TIFF")
            place += size - inline
            if kind in _TYPES and length * struct.calcsize(f"={_TYPES[kind]}") > inline:
                (place,) = self._unpack("Q" if self._is_big else "I", place)
            self._entries[tag] = kind, length, place

    @property
    def file_bytes(self) -> int:
        """The length of the whole file."""
        return len(self._data)

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        return int(self.numbers(tag, 1)[0]) if tag in self else default

    def numbers(self, tag: int, most: int) -> NDArray[np.uint64]:
        """The values of a tag, at most so many of them."""
        kind, length, place = self._entries[tag]
        if kind not in _TYPES or not length:
            raise damaged("TIFF")
        dtype = np.dtype(f"{self._order}u{struct.calcsize('=' + _TYPES[kind])}")
        if place + dtype.itemsize * length > len(self._data):
            raise damaged("TIFF")
        values = np.frombuffer(self._data, dtype, min(length, most), place)
        return values.astype(np.uint64)

    def _unpack(self, form: str, place: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + form, self._data, place)
        except struct.error:
            raise damaged("TIFF") from None


def _layout(directory: _Directory, width: int, height: int) -> _Layout:
    if _TILE_WIDTH in directory:
        across, down = directory.number(_TILE_WIDTH), directory.number(_TILE_HEIGHT)
    else:
        across, down = width, min(height, directory.number(_ROWS, height))
    if not (across and down):
        raise damaged("TIFF")
    blocks = -(-width // across) * -(-height // down)
    padded = blocks * across * down
    if padded > _MAX_PADDED_RATIO * width * height + _MAX_PADDING:
        raise too_costly("TIFF", f"tiles of {across} x {down} pixels, far larger than the picture")
    if directory.number(_PLANES, 1) == 2:
        blocks *= directory.number(_SAMPLES, 1)
    if blocks > _MAX_BLOCKS:
        raise too_costly("TIFF", f"{blocks:,} strips or tiles (at most {_MAX_BLOCKS:,} are taken)")
    return _Layout(across * down, blocks, padded)


def _check_blocks(directory: _Directory, layout: _Layout) -> bool:
    """Whether all blocks lie in the file; refuse those that share bytes with others."""
    offsets = _only(directory, (_STRIP_OFFSETS, _TILE_OFFSETS), layout.blocks)
    counts = _only(directory, (_STRIP_COUNTS, _TILE_COUNTS), layout.blocks)
    if len(offsets) != len(counts):
        raise damaged("TIFF")
    order = np.argsort(offsets, kind="stable")
    starts, ends = offsets[order], (offsets + counts)[order]
    if (ends < starts).any():  # beyond 64 bits
        raise damaged("TIFF")
    if (starts[1:] < ends[:-1]).any():
        raise too_costly("TIFF", "strips or tiles that share bytes")
    return len(offsets) == layout.blocks and int(ends.max()) <= directory.file_bytes


def _only(directory: _Directory, tags: tuple[int, int], most: int) -> NDArray[np.uint64]:
    """The values of the one of two tags that is there: decoders take either."""
    present = [tag for tag in tags if tag in directory]
    if len(present) != 1:
        raise damaged("TIFF")
    return directory.numbers(present[0], most)
