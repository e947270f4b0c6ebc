"""What the document cannot say: bytes that are a picture, for schemathesis to send."""

import base64
import io

import numpy as np
import schemathesis
from hypothesis import strategies as st
from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


def picture(format: str, width: int, height: int, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


SIDES = st.integers(1, 64)
PICTURES = st.builds(picture, st.sampled_from(FORMATS), SIDES, SIDES, st.integers(0, 99))

schemathesis.openapi.format("binary", PICTURES)
schemathesis.openapi.format(
    "base64-picture", PICTURES.map(lambda data: base64.b64encode(data).decode())
)
