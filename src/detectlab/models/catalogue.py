"""The published Darknet detectors, and the embedded one: files, checksums, places."""

from detectlab.models.card import ModelCard, WeightsFile, published
from detectlab.models.coco import COCO_CLASSES, COCO_NAMES

_GITHUB = "https://github.com/"
_GITHUB_RAW = "https://raw.githubusercontent.com/"
_DARKNET_CONFIGS = (
    _GITHUB_RAW + "pjreddie/darknet/master/cfg/",
    _GITHUB_RAW + "pjreddie/darknet/f6afaabcdf85f77e7aff2ec55c020c0e297c77f9/cfg/",
)
_DARKNET_WEIGHTS = "https://data.pjreddie.com/files/"
_ALEXEY_CONFIGS = _GITHUB_RAW + "AlexeyAB/darknet/master/cfg/"
_ALEXEY_RELEASES = _GITHUB + "AlexeyAB/darknet/releases/download/"
# Darknet's maintained successor keeps copies of both authors' files.
_HANK_CONFIGS = _GITHUB_RAW + "hank-ai/darknet/v2.0/cfg/"
_HANK_RELEASE = _GITHUB + "hank-ai/darknet/releases/download/v2.0/"
_FASTEST = (
    _GITHUB_RAW + "dog-qiuqiu/Yolo-Fastest/96a2900d163196c396e73f3fdab04ca4dd9a2f70/"
    "ModelZoo/yolo-fastest-1.1_coco/"
)
# Who made them: the licence of the weights, and the repository.
_ORIGINS = {
    "yolov3": ("public domain (YOLO licence)", "pjreddie/darknet"),
    "yolov4": ("public domain (YOLO licence)", "AlexeyAB/darknet"),
    "yolo-fastest": ("public domain", "dog-qiuqiu/Yolo-Fastest"),
}


def _coco_card(
    name: str, origin: str, config: WeightsFile, weights: WeightsFile, description: str
) -> ModelCard:
    licence, repository = _ORIGINS[origin]
    return ModelCard(
        name,
        config,
        weights,
        COCO_NAMES,
        COCO_CLASSES,
        licence,
        licence_url=f"{_GITHUB}{repository}/blob/master/LICENSE",
        description=description,
        known_to_cvlib=origin in ("yolov3", "yolov4"),
        needs_float32=origin == "yolo-fastest",
    )


CARDS = (
    ModelCard(
        name="nano",
        config=WeightsFile("nano.cfg"),
        weights=WeightsFile("nano.weights"),
        labels=WeightsFile("nano.names"),
        classes=("apple", "orange", "banana", "clock", "car"),
        licence="Apache-2.0",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        description="Ships with detectlab and needs no download; knows five things.",
        input_size=320,
        embedded=True,
        needs_float32=True,
    ),
    _coco_card(
        "yolov3-tiny",
        "yolov3",
        published(
            "yolov3-tiny.cfg",
            "84eb7a675ef87c906019ff5a6e0effe275d175adb75100dcb47f0727917dc2c7",
            1_915,
            *_DARKNET_CONFIGS,
        ),
        published(
            "yolov3-tiny.weights",
            "dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c",
            35_434_956,
            _DARKNET_WEIGHTS,
            _HANK_RELEASE,
            "https://pjreddie.com/media/files/",
        ),
        "The course's detector: small and quick, 80 classes.",
    ),
    _coco_card(
        "yolov3",
        "yolov3",
        published(
            "yolov3.cfg",
            "22489ea38575dfa36c67a90048e8759576416a79d32dc11e15d2217777b9a953",
            None,
            *_DARKNET_CONFIGS,
        ),
        published(
            "yolov3.weights",
            "523e4e69e1d015393a1b0a441cef1d9c7659e3eb2d7e15f793f060a21b32f297",
            248_007_048,
            _DARKNET_WEIGHTS,
            _HANK_RELEASE,
            _GITHUB + "patrick013/Object-Detection---Yolov3/raw/master/model/",
        ),
        "The course's big detector: better, and many times slower.",
    ),
    _coco_card(
        "yolov4-tiny",
        "yolov4",
        published(
            "yolov4-tiny.cfg",
            "f858e3724962eedf3ac44e3b6cb3f0c3d9ed067c306bb831f539c578b924c90e",
            None,
            _ALEXEY_CONFIGS,
            _HANK_CONFIGS,
        ),
        published(
            "yolov4-tiny.weights",
            "cf9fbfd0f6d4869b35762f56100f50ed05268084078805f0e7989efe5bb8ca87",
            24_251_276,
            _ALEXEY_RELEASES + "darknet_yolo_v4_pre/",
            _ALEXEY_RELEASES + "yolov4/",
            _HANK_RELEASE,
        ),
        "Successor of yolov3-tiny, smaller and better, 80 classes.",
    ),
    _coco_card(
        "yolov4",
        "yolov4",
        published(
            "yolov4.cfg",
            "a6d0f8e5c62cc8378384f75a8159b95fa2964d4162e33351b00ac82e0fc46a34",
            None,
            _ALEXEY_CONFIGS,
            _HANK_CONFIGS,
        ),
        published(
            "yolov4.weights",
            "e8a4f6c62188738d86dc6898d82724ec0964d0eb9d2ae0f0a9d53d65d108d562",
            257_717_640,
            _ALEXEY_RELEASES + "darknet_yolo_v3_optimal/",
            _HANK_RELEASE,
        ),
        "The best and slowest detector here, 80 classes.",
    ),
    _coco_card(
        "yolo-fastest",
        "yolo-fastest",
        published(
            "yolo-fastest-1.1.cfg",
            "f6df5775c1e862998cf69046eba9265be3ae84dfe8b2caab7529823f0795bf70",
            9_685,
            _FASTEST,
        ),
        published(
            "yolo-fastest-1.1.weights",
            "1c445c42bbd6df63edea2cc69f99667b5650d663ca11e34b116240740cd42890",
            1_384_268,
            _FASTEST,
        ),
        "A 1.4 MB detector for weak machines, 80 classes.",
    ),
    _coco_card(
        "yolo-fastest-xl",
        "yolo-fastest",
        published(
            "yolo-fastest-1.1-xl.cfg",
            "c458427acc4fbeabceff4528ef7b65b066c0308ce599460f8ba299eba63abad3",
            9_696,
            _FASTEST,
        ),
        published(
            "yolo-fastest-1.1-xl.weights",
            "fac5fb41786c1f38f04972a658443b189f48720d7d117f9a044100e98a35b0c5",
            3_693_964,
            _FASTEST,
        ),
        "3.7 MB, about as good as yolov3-tiny and somewhat quicker, 80 classes.",
    ),
)
