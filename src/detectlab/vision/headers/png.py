"""The chunks of a PNG (ISO/IEC 15948), as far as they tell the cost of decoding."""

import struct

from detectlab.vision.headers.base import Header, damaged, too_costly

# Of 8 KB each, as libpng writes them, so many are 80 MB.
_MAX_CHUNKS = 10_000
# Decoders unpack what lies beyond the last row, too.
_DEFLATE_RATIO = 1032  # of unpacked to packed bytes, at most
_PLAIN_DATA_BYTES = 320 << 10  # unpacked in about 0.3 s
_PLAIN_PIXELS = 16_000_000
# Compressed texts unpack to 8 MB each, and say nothing about the pixels.
_SKIPPED = {b"zTXt", b"iTXt"}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type


def read(data: bytes) -> Header:
    """The header of a PNG; of an animated one, of its first frame.

    Raises:
        ImageError: When it is damaged, or in more chunks than are taken.
    """
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise damaged("PNG")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    if not (width and height and colour in _SAMPLES and depth in (1, 2, 4, 8, 16)):
        raise damaged("PNG")
    position, data_bytes, is_animated, skipped = 8, 0, False, []
    for _ in range(_MAX_CHUNKS):
        kind = data[position + 4 : position + 8]
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        is_complete = len(kind) == 4 and end <= len(data)
        if not is_complete or kind == b"IEND":
            break
        if kind in _SKIPPED:
            skipped.append((position, end))
        data_bytes += length * (kind == b"IDAT")
        is_animated |= kind == b"acTL"
        position = end
    else:
        raise too_costly("PNG", f"too many chunks (at most {_MAX_CHUNKS:,} are taken)")
    pixels = width * height
    unpacked_bytes = height * (1 + -(-width * depth * _SAMPLES[colour] // 8))
    is_plain = (
        not is_animated
        and pixels <= _PLAIN_PIXELS
        and data_bytes <= min(_PLAIN_DATA_BYTES, unpacked_bytes + 1024)
    )
    return Header(
        "PNG",
        width,
        height,
        6 * pixels,
        is_complete,
        is_plain,
        unpacked_bytes=_DEFLATE_RATIO * data_bytes,
        skipped=tuple(skipped),
    )
