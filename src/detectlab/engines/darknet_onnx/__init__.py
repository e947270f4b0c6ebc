"""Convert Darknet files into an ONNX model, which other runtimes read."""

from pathlib import Path

__all__ = ["to_onnx"]


def to_onnx(config: Path, *, weights: Path, input_size_wh: tuple[int, int]) -> bytes:
    """Convert a Darknet network into an ONNX model.

    Its input `picture` is `(1, 3, height, width)` float32 RGB, scaled as `Network.scale` says; its
    output `rows` is `(N, 5 + classes)` float32: `(x_centre, y_centre, width, height, objectness,
    score of each class)`, all relative to the picture, as OpenCV's reader of the same files gives
    them.

    Args:
        config: The network, `.cfg`.
        weights: Its weights, `.weights`.
        input_size_wh: Width and height of the input in pixels, multiples of the network's stride.

    Returns:
        The serialised model.

    Raises:
        ValueError: When a file is missing or damaged, they do not belong together, or the network
            has a layer that is not supported.
    """
    from detectlab.engines.darknet_onnx.config import read_config
    from detectlab.engines.darknet_onnx.graph import Graph
    from detectlab.engines.darknet_onnx.weights import Weights

    sections = read_config(config)
    numbers = Weights(weights)
    graph = Graph(sections, numbers, input_size_wh)
    numbers.check_used_up()
    content: bytes = graph.model().SerializeToString()
    return content
