"""Write the trained network as Darknet files, and prove that OpenCV computes the same from them.

    python -m training.export --run RUN --out src/detectlab/assets

Ends with status 1 and leaves no files if the two differ by more than 1e-4 anywhere.
"""

import argparse
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.loss import HEAD_STRIDES, decode
from training.network import Darknet, darknet_tensors
from training.run_files import read_network
from training.task import CLASSES, INPUT_SIZE

TOLERANCE = 1e-4
SIDES = (320, 416, 512)
# Version 0.2.5, and how many pictures were seen as a 64-bit number: what Darknet files begin with.
HEADER = np.array([0, 2, 5, 0, 0], dtype="<i4")


def darknet_weights(network: Darknet) -> bytes:
    """Gives the content of a `.weights` file: layer by layer, biases and norms before kernels."""
    parts = [HEADER.tobytes()]
    for layer in network.layers:
        for tensor in darknet_tensors(layer):
            parts.append(tensor.detach().cpu().contiguous().numpy().astype("<f4").tobytes())
    return b"".join(parts)


@torch.no_grad()
def torch_rows(network: Darknet, blob: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives what the network says as OpenCV's rows: centre, size, objectness, class scores."""
    side, rows = blob.shape[2], []
    heads = network(torch.from_numpy(blob))
    for raw, anchors_wh, stride in zip(heads, network.anchors_wh(), HEAD_STRIDES, strict=True):
        decoded = decode(raw, anchors_wh, stride)[0]
        decoded[..., :4] /= side
        decoded[..., 5:] *= decoded[..., 4:5]
        rows.append(decoded.permute(1, 2, 0, 3).flatten(0, 2).numpy())
    return np.concatenate(rows)


def largest_difference(network: Darknet, config: Path, weights: Path) -> float:
    """Compares PyTorch and OpenCV on random pictures of several sizes.

    Args:
        network: The trained network, in evaluation mode.
        config: The exported `.cfg`.
        weights: The exported `.weights`.

    Returns:
        The largest difference of any output; boxes count as shares of the picture.
    """
    exported = cv2.dnn.readNetFromDarknet(str(config), str(weights))
    exported.enableWinograd(False)  # it trades exactness for speed; the weights are what is proved
    rng, worst = np.random.default_rng(7), 0.0
    for side in SIDES:
        coarse = rng.integers(0, 256, (side // 16, side // 16, 3)).astype(np.uint8)
        for picture in (cv2.resize(coarse, (side, side)), np.full((side, side, 3), 127, np.uint8)):
            blob = cv2.dnn.blobFromImage(picture, 1 / 255, swapRB=True)
            exported.setInput(blob)
            theirs = np.concatenate(exported.forward(exported.getUnconnectedOutLayersNames()))
            worst = max(worst, float(np.abs(torch_rows(network, blob) - theirs).max()))
    return worst


def export(network: Darknet, cfg: str, folder: Path) -> float:
    """Writes nano.cfg, nano.weights and nano.names; gives the largest difference in OpenCV."""
    config, weights = folder / "nano.cfg", folder / "nano.weights"
    config.write_text(cfg)
    weights.write_bytes(darknet_weights(network))
    (folder / "nano.names").write_text("".join(f"{name}\n" for name in CLASSES))
    return largest_difference(network, config, weights)


def with_input(cfg: str, side: int) -> str:
    """Gives a description with another width and height of the input, in pixels."""
    return re.sub(r"(?m)^(width|height)=\d+$", rf"\1={side}", cfg)


def main() -> int:
    """Exports a training's averaged weights, for an input of `task.INPUT_SIZE`."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of a training")
    parser.add_argument("--out", type=Path, required=True, help="folder for nano.cfg and the rest")
    options = parser.parse_args()
    cfg, network = read_network(options.run / "checkpoint.pt")
    network.eval()
    options.out.mkdir(parents=True, exist_ok=True)
    difference = export(network, with_input(cfg, INPUT_SIZE), options.out)
    files = [options.out / f"nano.{suffix}" for suffix in ("cfg", "weights", "names")]
    print(
        f"{sum(file.stat().st_size for file in files):,} bytes; OpenCV differs by {difference:.1e}"
    )
    if difference > TOLERANCE:
        for file in files:
            file.unlink()
        print(f"that is more than {TOLERANCE:.0e}: nothing exported", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
