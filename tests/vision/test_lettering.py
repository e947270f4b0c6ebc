"""Letters of class names, seen on their masks."""

import numpy as np
import pytest

from detectlab.vision.lettering import text_mask

_UNASSIGNED = "\u0378"  # drawn as the box that stands for a missing letter


@pytest.mark.parametrize("letter", "ÄÖÜäöüßéèñçåøłŁžğşőиЖяαβΩ")
def test_letter_beyond_ascii_is_drawn_and_not_as_a_box(letter: str) -> None:
    assert text_mask(letter, 30).max() > 200
    assert text_mask(letter, 30).tobytes() != text_mask(_UNASSIGNED, 30).tobytes()


def test_umlaut_is_its_letter_with_dots_above() -> None:
    plain, umlaut = (text_mask(text, 60) for text in ("åa", "åä"))

    assert umlaut.shape == plain.shape
    differing = np.flatnonzero((umlaut != plain).any(axis=1))
    assert len(differing) > 0
    assert differing.max() < len(plain) * 0.45


@pytest.mark.parametrize("font_px", [9, 14, 23, 60])
def test_height_of_a_mask_depends_on_the_size_alone(font_px: int) -> None:
    heights = {len(text_mask(text, font_px)) for text in ("x", "Äpfel", "gjÅŞ", "Ấ 0.86")}

    assert len(heights) == 1
