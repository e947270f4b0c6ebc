"""A small file that unpacks to a huge picture."""

import struct
import zlib


def black_png(side: int) -> bytes:
    """A black square as a PNG file with one bit for each pixel.

    Args:
        side: Width and height, in pixels.

    Returns:
        Content of the file; the zeros of its rows compress about a thousandfold.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * ((side + 7) // 8 + 1)))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
