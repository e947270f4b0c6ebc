"""Decoders of YOLOX, NanoDet, PicoDet, DETR, FastestDet, SSD, YuNet and exports with NMS."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectlab.decoders.base import Outputs
from detectlab.decoders.registry import all_decoders, get_decoder
from detectlab.vision.letterbox import Letterbox

SIZE_WH = (128, 64)  # 16 x 8, 8 x 4 and 4 x 2 cells
COUNTS = {8: 128, 16: 32, 32: 8, 64: 2}
BOX = [32, 16, 96, 48]


def found(decoder: str, outputs: Outputs) -> tuple[list[float], int, float]:
    """The one object that is found: its box, class and score."""
    as_it_is = Letterbox.of(SIZE_WH, SIZE_WH)
    boxes = get_decoder(decoder).decode(outputs, as_it_is, confidence=0.5, nms_threshold=0.3)
    assert len(boxes.xyxy) == 1
    return boxes.xyxy[0].round(3).tolist(), int(boxes.class_id[0]), float(boxes.confidence[0])


def raw(*shape: int) -> NDArray[np.float32]:
    return np.zeros((1, *shape), np.float32)


def logit(value: float) -> float:
    return float(np.log(value / (1 - value)))


def test_yolox_decodes_offsets_in_cells_and_logarithms_of_sizes() -> None:
    rows = raw(sum(COUNTS[stride] for stride in (8, 16, 32)), 7)
    # The cell in row 1 and column 3 of stride 16, behind all of stride 8.
    rows[0, 128 + 1 * 8 + 3] = [1, 1, np.log(64 / 16), np.log(32 / 16), 0.9, 0.1, 0.8]
    box, class_id, score = found("yolox", {"output": rows})
    assert (box, class_id) == (pytest.approx(BOX, abs=1e-3), 1)
    assert score == pytest.approx(0.72)


@pytest.mark.parametrize("rows", [167, 169, 168 * 3])
def test_yolox_is_told_by_the_number_of_cells(rows: int) -> None:
    assert get_decoder("yolox").count_classes({"output": raw(rows, 85)}, SIZE_WH) is None
    assert get_decoder("yolox").count_classes({"output": raw(168, 85)}, SIZE_WH) == 80
    assert get_decoder("yolox").count_classes({"output": raw(170, 85)}, SIZE_WH) == 80


def distributions(distances: list[float]) -> NDArray[np.float32]:
    """Numbers of 8 bins for each side, all on one or on two neighbours."""
    parts = np.full((4, 8), -50, np.float32)
    for side, distance in enumerate(distances):
        low = int(distance)
        parts[side, low] = np.log(1 - (distance - low)) if distance > low else 0
        if distance > low:
            parts[side, low + 1] = np.log(distance - low)
    return parts.ravel()


def levels(strides: tuple[int, ...], classes: int) -> dict[str, NDArray[np.float32]]:
    outputs = {f"score_{stride}": raw(COUNTS[stride], classes) for stride in strides}
    return outputs | {f"reach_{stride}": raw(COUNTS[stride], 32) for stride in strides}


def test_nanodet_decodes_distances_as_distributions() -> None:
    outputs = levels((8, 16, 32), 80)
    outputs["score_16"][0, 8 + 3, 7] = 0.8
    # Its centre is at 3.5 * 16 - 0.5 and 1.5 * 16 - 0.5.
    reach = [(55.5 - 32) / 16, (23.5 - 16) / 16, (96 - 55.5) / 16, (48 - 23.5) / 16]
    outputs["reach_16"][0, 8 + 3] = distributions(reach)
    assert found("nanodet", outputs) == (pytest.approx(BOX, abs=0.01), 7, pytest.approx(0.8))
    assert get_decoder("nanodet").count_classes(outputs, SIZE_WH) == 80


def test_nanodet_plus_has_one_output_and_its_centres_at_the_corners_of_cells() -> None:
    rows = raw(sum(COUNTS.values()), 3 + 32)
    rows[0, 128 + 8 + 3, :3] = [0.1, 0.1, 0.9]
    reach = [(48 - 32) / 16, (16 - 16) / 16, (96 - 48) / 16, (48 - 16) / 16]
    rows[0, 128 + 8 + 3, 3:] = distributions(reach)
    assert found("nanodet-plus", {"output": rows}) == (
        pytest.approx(BOX, abs=0.01),
        2,
        pytest.approx(0.9),
    )


def test_picodet_has_four_strides_and_its_centres_in_the_middle_of_cells() -> None:
    outputs = levels((8, 16, 32, 64), 10)
    outputs["score_16"][0, 8 + 3, 4] = 0.8
    reach = [(56 - 32) / 16, (24 - 16) / 16, (96 - 56) / 16, (48 - 24) / 16]
    outputs["reach_16"][0, 8 + 3] = distributions(reach)
    assert found("picodet", outputs) == (pytest.approx(BOX, abs=0.01), 4, pytest.approx(0.8))
    assert get_decoder("nanodet").count_classes(outputs, SIZE_WH) is None


@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_detr_takes_finished_boxes_without_suppression(kind: type) -> None:
    boxes, scores = raw(3, 4), raw(3)
    boxes[0], scores[0] = [BOX, BOX, [0, 0, 9, 9]], [0.9, 0.8, 0.1]
    outputs = {"labels": np.array([[5, 5, 1]], kind), "boxes": boxes, "scores": scores}
    decoder = get_decoder("detr")
    assert decoder.count_classes(outputs, SIZE_WH) == 0
    as_it_is = Letterbox.of(SIZE_WH, SIZE_WH)
    both = decoder.decode(outputs, as_it_is, confidence=0.5, nms_threshold=0.3)
    assert both.xyxy.tolist() == [BOX, BOX]
    assert both.class_id.tolist() == [5, 5]


def test_detr_logits_go_through_a_sigmoid() -> None:
    logits, boxes = np.full((1, 3, 4), -9, np.float32), raw(3, 4)
    logits[0, 1, 2], boxes[0, 1] = logit(0.7), [0.5, 0.5, 0.5, 0.5]
    outputs = {"logits": logits, "pred_boxes": boxes}
    assert found("detr-logits", outputs) == (BOX, 2, pytest.approx(0.7))
    assert get_decoder("detr-logits").count_classes(outputs, SIZE_WH) == 4


def test_fastestdet_decodes_one_map() -> None:
    cells = raw(7, 4, 8)  # rows, columns
    cells[0, 3:5] = -9
    cells[0, :, 2, 4] = [0.9, 0, 0, logit(0.5), logit(0.5), 0.2, 0.8]
    box, class_id, score = found("fastestdet", {"map": cells})
    assert (box, class_id) == (pytest.approx(BOX, abs=1e-3), 1)
    assert score == pytest.approx(0.9**0.6 * 0.8**0.4)


def test_ssd_leaves_the_background_out() -> None:
    scores, boxes = raw(2, 3), raw(2, 4)
    scores[0] = [[0.9, 0.05, 0.05], [0.1, 0.2, 0.7]]
    boxes[0, 1] = np.array(BOX) / [128, 64, 128, 64]
    outputs = {"scores": scores, "boxes": boxes}
    assert found("ssd", outputs) == (BOX, 1, pytest.approx(0.7))
    assert get_decoder("ssd").count_classes(outputs, SIZE_WH) == 2


def test_boxes_scores_are_in_pixels() -> None:
    scores, boxes = raw(2, 4), raw(2, 4)
    scores[0, 1, 3], boxes[0, 1] = 0.7, BOX
    outputs = {"a_scores": scores, "a_boxes": boxes}  # both have four columns: the name tells
    assert found("boxes-scores", outputs) == (BOX, 3, pytest.approx(0.7))


def test_torchvision_counts_its_labels_from_the_background() -> None:
    boxes = np.array([BOX, [0, 0, 5, 5]], np.float32)
    outputs = {
        "boxes": boxes,
        "labels": np.array([3, 0]),
        "scores": np.array([0.8, 0.9], np.float32),
    }
    assert found("torchvision", outputs) == (BOX, 2, pytest.approx(0.8))


def test_end_to_end_takes_what_the_network_chose() -> None:
    rows = raw(300, 6)
    rows[0, 0] = [*BOX, 0.8, 17]
    assert found("end-to-end", {"output0": rows}) == (BOX, 17, pytest.approx(0.8))


def test_yunet_takes_the_mean_of_class_and_objectness() -> None:
    outputs = {}
    for stride in (8, 16, 32):
        for part, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{part}_{stride}"] = raw(COUNTS[stride], width)
    outputs["cls_16"][0, 8 + 3], outputs["obj_16"][0, 8 + 3] = 0.9, 0.4
    outputs["bbox_16"][0, 8 + 3] = [1, 1, np.log(4), np.log(2)]
    box, class_id, score = found("yunet", outputs)
    assert (box, class_id) == (pytest.approx(BOX, abs=1e-3), 0)
    assert score == pytest.approx(0.6)
    assert get_decoder("yunet").count_classes(outputs, SIZE_WH) == 1


def test_every_decoder_has_a_name_of_its_own_and_refuses_what_is_not_its() -> None:
    nothing: Outputs = {"logits": raw(1000).reshape(1, 1000)}
    for decoder in all_decoders():
        assert get_decoder(decoder.name) is decoder
        assert decoder.fittings
        assert decoder.shapes
        assert decoder.count_classes(nothing, SIZE_WH) is None, decoder.name
