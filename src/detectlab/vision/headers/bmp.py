"""The header of a BMP."""

import struct

from detectlab.vision.headers.base import Header, damaged

_CORE_BYTES = 12
_RUN_LENGTH = (1, 2)


def read(data: bytes) -> Header:
    """The header of a BMP.

    Raises:
        ImageError: When it is damaged.
    """
    try:
        start, size = struct.unpack_from("<II", data, 10)
        if size == _CORE_BYTES:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            compression = 0
        else:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    except struct.error:
        raise damaged("BMP") from None
    height = abs(height)  # rows from the top to the bottom
    if width <= 0 or not height or bits not in (1, 2, 4, 8, 16, 24, 32):
        raise damaged("BMP")
    row_bytes = (width * bits + 31) // 32 * 4
    # The last row's padding is often left out.
    missing = start + row_bytes * height - len(data)
    is_complete = compression in _RUN_LENGTH or missing < 4
    return Header("BMP", width, height, 6 * width * height, is_complete)
