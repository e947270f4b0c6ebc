"""Small generators of picture files that are cheap to send and dear to decode.

Each writes the format's structure byte by byte, since no library writes such files.
"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

Size = tuple[int, int]  # width, height

_DHT_EMPTY_AC = b"\xff\xc4" + struct.pack(">HB", 2 + 1 + 16 + 1, 0x10) + b"\x01" + bytes(15) + b"\0"
_DHT_EMPTY_DC = b"\xff\xc4" + struct.pack(">HB", 2 + 1 + 16 + 1, 0x00) + b"\x01" + bytes(15) + b"\0"
_DQT = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\x01" * 64


def zeros(count: int) -> bytes:
    """So many zeros as a zlib stream, made a thousand times faster than by compressing them."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, wbits=-15)
    end = rest.compress(bytes(count % (1 << 20))) + rest.flush()
    checksum = (count % 65_521) << 16 | 1  # Adler-32 of zeros
    return b"\x78\x9c" + block * (count >> 20) + end + struct.pack(">I", checksum)


def jpeg_scans(size: Size, scans: int, components: int = 1, progressive: bool = True) -> bytes:
    """A JPEG of many empty scans: each makes the decoder go through all blocks again.

    Args:
        size: Width and height in pixels.
        scans: How many; 10 bytes each.
        components: 1 (grey) or 3.
        progressive: Whether it is a progressive one; otherwise each scan is a baseline one of a
            single component.
    """
    width, height = size
    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes((number + 1, 0x11, 0)) for number in range(components))
    kind = b"\xff\xc2" if progressive else b"\xff\xc0"
    first = b"\xff\xda" + struct.pack(">HB", 6 + 2 * components, components)
    first += b"".join(bytes((number + 1, 0)) for number in range(components))
    first += b"\0\0\x01" if progressive else b"\0\x3f\0"
    again = b"\xff\xda" + struct.pack(">HBBB", 8, 1, 1, 0)
    again += b"\0\0\x10" if progressive else b"\0\x3f\0"
    segments = b"\xff\xd8" + _DQT + kind + struct.pack(">H", len(frame) + 2) + frame
    segments += _DHT_EMPTY_DC + _DHT_EMPTY_AC
    if not progressive and components > 1:
        return segments + again * scans + b"\xff\xd9"
    return segments + first + again * (scans - 1) + b"\xff\xd9"


def jpeg_segments(count: int, marker: bytes = b"\xff\xfe") -> bytes:
    """A small JPEG with many empty segments before its picture."""
    whole = _saved(Image.new("L", (16, 16)), "JPEG")
    return whole[:2] + (marker + b"\0\x02") * count + whole[2:]


def mpo(frames: int, size: Size) -> bytes:
    """Several JPEG files in one, as stereo cameras write them."""
    pictures = [Image.new("RGB", size, (n * 40 % 256, 90, 30)) for n in range(frames)]
    return _saved(pictures[0], "MPO", save_all=True, append_images=pictures[1:])


def tiff(
    size: Size,
    blocks: Sequence[bytes],
    *,
    tile: Size | None = None,
    rows: int | None = None,
    offsets: Sequence[int] | None = None,
    counts: Sequence[int] | None = None,
    compression: int = 1,
    samples: int = 1,
    bits: int = 8,
    extra: Mapping[int, int] | None = None,
) -> bytes:
    """A little-endian TIFF of one directory.

    Args:
        size: Width and height in pixels.
        blocks: What the strips or tiles hold.
        tile: Width and height of a tile; strips without it.
        rows: Rows in a strip.
        offsets: Where the blocks are said to be; by default where they are.
        counts: How many bytes they are said to have; by default those they have.
        compression: The tag of that name: 1 none, 5 LZW, 7 JPEG, 8 deflate.
        samples: Samples of a pixel.
        bits: Bits of a sample.
        extra: Other tags and their value (LONG).
    """
    body, places = bytearray(b"II*\0\0\0\0\0"), []
    for block in blocks:
        places.append(len(body))
        body += block
    offsets = places if offsets is None else offsets
    counts = [len(block) for block in blocks] if counts is None else counts
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [size[0]]),
        257: (4, [size[1]]),
        258: (3, [bits] * samples),
        259: (3, [compression]),
        262: (3, [1 if samples < 3 else 6 if compression == 7 else 2]),
        277: (3, [samples]),
    }
    if tile:
        tags |= {322: (4, [tile[0]]), 323: (4, [tile[1]])}
        tags |= {324: (4, list(offsets)), 325: (4, list(counts))}
    else:
        tags |= {273: (4, list(offsets)), 278: (4, [rows or size[1]]), 279: (4, list(counts))}
    tags |= {tag: (4, [value]) for tag, value in (extra or {}).items()}
    entries = bytearray()
    for tag, (kind, values) in sorted(tags.items()):
        packed = np.array(values, {3: "<u2", 4: "<u4"}[kind]).tobytes()
        if len(packed) > 4:
            body += bytes(len(body) % 2)
            place, body = len(body), body + packed
            packed = struct.pack("<I", place)
        entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    body += bytes(len(body) % 2)
    struct.pack_into("<I", body, 4, len(body))
    return bytes(body + struct.pack("<H", len(entries) // 12) + entries + bytes(4))


def tiff_shared_tiles(size: Size, tile: int = 16, filler: int = 0) -> bytes:
    """Tiles that all say they are the same bytes, which are decoded once for each of them."""
    count = -(-size[0] // tile) * -(-size[1] // tile)
    block = zlib.compress(bytes(tile * tile)) + bytes(filler)
    return tiff(
        size,
        [block],
        tile=(tile, tile),
        offsets=[8] * count,
        counts=[len(block)] * count,
        compression=8,
    )


def tiff_lzw_shared(size: Size, tile: int = 16, length: int = 65_000) -> bytes:
    """As `tiff_shared_tiles`, and each tile is a long stream of codes that say nothing."""
    count = -(-size[0] // tile) * -(-size[1] // tile)
    block = (b"\x80\x40\x20\x10\x08\x04\x02\x01\x00" * (length // 9))[:length]  # clear, clear ...
    return tiff(
        size,
        [block],
        tile=(tile, tile),
        offsets=[8] * count,
        counts=[len(block)] * count,
        compression=5,
    )


def tiff_shared_jpeg(size: Size, scans: int, tile: int = 16) -> bytes:
    """As `tiff_shared_tiles`, and each tile is a JPEG of many scans."""
    count = -(-size[0] // tile) * -(-size[1] // tile)
    block = jpeg_scans((tile, tile), scans)
    return tiff(
        size,
        [block],
        tile=(tile, tile),
        offsets=[8] * count,
        counts=[len(block)] * count,
        compression=7,
    )


def tiff_jpeg(size: Size, scans: int, components: int = 1) -> bytes:
    """A strip that is a JPEG of many scans."""
    block = jpeg_scans(size, scans, components)
    return tiff(size, [block], compression=7, samples=components)


def tiff_huge_tile(size: Size = (16, 16), tile: Size = (16_384, 16_368), samples: int = 3) -> bytes:
    """A small picture in a tile that needs a gigabyte."""
    block = zeros(tile[0] * tile[1] * samples)
    return tiff(size, [block], tile=tile, compression=8, samples=samples)


def png(
    size: Size,
    *,
    colour: int = 2,
    depth: int = 8,
    interlaced: bool = False,
    before: Sequence[tuple[bytes, bytes]] = (),
    idat: int = 1 << 20,
    surplus: int = 0,
) -> bytes:
    """A PNG of zeros.

    Args:
        size: Width and height in pixels.
        colour: The format's colour type: 0 grey, 2 RGB, 3 palette, 6 RGBA.
        depth: Bits of a sample.
        interlaced: Whether it is an Adam7 one.
        before: Chunks between the header and the pixels.
        idat: Bytes of pixels in a chunk.
        surplus: Bytes beyond the picture's own that its stream unpacks to.
    """
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    count = size[1] * (1 + (size[0] * bits + 7) // 8) + (1 << 20 if interlaced else 0) + surplus
    stream = zeros(count)
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *before]
    chunks += [(b"IDAT", stream[n : n + idat]) for n in range(0, len(stream), idat)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in (*chunks, (b"IEND", b"")))


def png_text(count: int, unpacked: int = 7_900_000) -> bytes:
    """A small PNG with compressed texts that unpack to megabytes each."""
    text = b"a\0\0" + zlib.compress(b"a" * unpacked, 9)
    return png((16, 16), before=[(b"zTXt", text)] * count)


def apng(size: Size, frames: int) -> bytes:
    """An animated PNG whose frames are large and empty."""
    row = zeros((1 + size[0] * 3) * size[1])
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)),
        (b"acTL", struct.pack(">II", frames, 0)),
    ]
    for number in range(frames):
        head = struct.pack(">IIIIIHHBB", 2 * number, *size, 0, 0, 1, 10, 0, 0)
        chunks.append((b"fcTL", head))
        data = (b"IDAT", row) if number == 0 else (b"fdAT", struct.pack(">I", 2 * number) + row)
        chunks.append(data)
    chunks.append((b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def gif(size: Size, frames: int = 1, frame: Size | None = None, data: bytes | None = None) -> bytes:
    """A GIF whose frames hold nothing but clear codes, or `data`."""
    frame = frame or size
    screen = struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6)
    codes = b"\x04\x41" if data is None else data  # clear, end
    blocks = b"".join(
        bytes((len(codes[n : n + 255]),)) + codes[n : n + 255] for n in range(0, len(codes), 255)
    )
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02" + blocks + b"\0"
    return b"GIF89a" + screen + one * frames + b"\x3b"


def gif_full(size: Size, frames: int = 1) -> bytes:
    """A GIF of zeros, well compressed."""
    pictures = [Image.new("P", size, n % 2) for n in range(frames)]
    return _saved(pictures[0], "GIF", save_all=frames > 1, append_images=pictures[1:])


def webp(size: Size, frames: int = 1, lossless: bool = True) -> bytes:
    """A WebP of one colour in each frame."""
    pictures = [Image.new("RGB", size, (n * 60 % 256, 0, 0)) for n in range(frames)]
    options = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    return _saved(pictures[0], "WEBP", lossless=lossless, method=0, **options)


def bmp(size: Size, data: bytes = b"", *, bits: int = 24, compression: int = 0) -> bytes:
    """A BMP; with compression 1 or 2, `data` is run-length encoded."""
    header = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, compression, len(data), 0, 0, 256, 0)
    palette = bytes(1024) if bits <= 8 else b""
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _saved(picture: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


# Name -> what makes it. Each is made when it is needed: some are large in memory.
CORPUS: dict[str, Callable[[], bytes]] = {
    "JPEG of 967 scans": lambda: jpeg_scans((4000, 3000), 967, 3),
    "JPEG of 6,000 scans": lambda: jpeg_scans((2000, 2000), 6000),
    "JPEG of 155,029 scans": lambda: jpeg_scans((6000, 6000), 155_029),
    "JPEG of 100 scans, 40 megapixels": lambda: jpeg_scans((8000, 5000), 100, 3),
    "JPEG of 20 scans, 40 megapixels": lambda: jpeg_scans((8000, 5000), 20, 3),
    "baseline JPEG of 20,000 scans": lambda: jpeg_scans((4000, 4000), 20_000, 3, False),
    "JPEG of 100,000 comments": lambda: jpeg_segments(100_000),
    "JPEG of 2,000,000 restarts": lambda: jpeg_segments(2_000_000, b"\xff\xdd"),
    "MPO": lambda: mpo(20, (1000, 1000)),
    "TIFF of tiles that share one strip": lambda: tiff_shared_tiles((16, 1_000_000), filler=60_000),
    "TIFF of shared LZW tiles": lambda: tiff_lzw_shared((16, 1_000_000)),
    "TIFF of shared JPEG tiles": lambda: tiff_shared_jpeg((16, 1_000_000), 6000),
    "TIFF of a JPEG of 20,000 scans": lambda: tiff_jpeg((4000, 4000), 20_000),
    "TIFF of one huge tile": lambda: tiff_huge_tile(),
    "PNG of 12 megapixels": lambda: png((4000, 3000)),
    "PNG of 12 megapixels, 16 bit RGBA": lambda: png((4000, 3000), colour=6, depth=16),
    "PNG of 12 megapixels, interlaced": lambda: png((4000, 3000), interlaced=True),
    "PNG of 1,000 texts": lambda: png_text(1000),
    "PNG of 1 byte chunks": lambda: png((4000, 3000), idat=1),
    "PNG with a surplus of 1 GB": lambda: png((16, 16), surplus=1 << 30),
    "APNG of 50 frames": lambda: apng((2000, 1500), 50),
    "GIF of 40 megapixels": lambda: gif_full((8000, 5000)),
    "GIF of 40 megapixels, empty": lambda: gif((8000, 5000)),
    "GIF of 100,000 frames": lambda: gif((16, 16), 100_000),
    "GIF of clear codes": lambda: gif((4000, 3000), data=b"\x24\x49\x92" * 3_000_000),
    "GIF of 50 frames": lambda: gif_full((2000, 2000), 50),
    "WebP of 12 megapixels": lambda: webp((4000, 3000)),
    "WebP of 12 megapixels, lossy": lambda: webp((4000, 3000), lossless=False),
    "animated WebP": lambda: webp((2000, 2000), 30),
    "BMP of 40 megapixels, empty": lambda: bmp((8000, 5000), bits=8, compression=1, data=b"\0\1"),
    "BMP of line ends": lambda: bmp((16, 16), bits=8, compression=1, data=b"\0\0" * 4_000_000),
    "BMP upside down": lambda: bmp((8000, -5000), bits=1, data=bytes(1000 * 5000)),
}
