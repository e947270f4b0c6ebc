"""Make the picture at the top of README.md: a bowl of fruit before and after detection."""

from pathlib import Path

import numpy as np

from detectlab import draw_bbox, load_detector
from detectlab.vision.images import encode_image, read_image

ROOT = Path(__file__).resolve().parents[1]
CONFIDENCE = 0.5


def main() -> None:
    """Write `images/readme/before-after.jpg`."""
    picture = read_image(ROOT / "images" / "fruits.jpg")
    found = load_detector("nano").detect(picture, CONFIDENCE)
    gap = np.full((picture.shape[0], 16, 3), 255, np.uint8)
    both = np.hstack([picture, gap, draw_bbox(picture, found)])
    (ROOT / "images" / "readme" / "before-after.jpg").write_bytes(encode_image(both, quality=85))


if __name__ == "__main__":
    main()
