"""ONNX files: what their metadata says, and normalised so that every engine reads them.

It runs when a detector is added, and needs the package `onnx`; serving one does not.
"""

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from detectlab.model_import.onnx_fold import fix_size
from detectlab.model_import.onnx_load import check_opset, check_whole, load
from detectlab.model_import.onnx_normalize import (
    FLOAT32,
    HALVES,
    drop_weights_from_inputs,
    inline_constant_branches,
    make_constant,
    sort_nodes,
    widen,
)

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

LIKELY_SIZES = (640, 416, 320, 512, 608)  # where a file leaves its size open
_SMALLEST, _LARGEST = 32, 4096


class OnnxFile(NamedTuple):
    """A network that every engine reads: float32, and one picture of one size.

    Attributes:
        content: The file's bytes.
        input_size_wh: Width and height of its input in pixels.
        names: Its classes by its metadata; empty where it has none.
        licence: Its licence by its metadata; empty where it has none.
        opset: The version of the operators that it uses.
        changes: What was changed, in words, so that every engine reads it.
        has_open_size: Whether the file left its size open.
    """

    content: bytes
    input_size_wh: tuple[int, int]
    names: tuple[str, ...]
    licence: str
    opset: int
    changes: tuple[str, ...]
    has_open_size: bool


def read_onnx(file: Path, input_size: int | None = None) -> OnnxFile:
    """Read and normalise a detector's ONNX file.

    Args:
        file: The `.onnx`; parts that it keeps in files beside it are read, too.
        input_size: Side of its square input in pixels, where the file leaves that open.

    Raises:
        ValueError: When it is no such file, or has what no engine here would run; when `input_size`
            is another one than the file's.
        ModuleNotFoundError: When the package `onnx` is not installed.
    """
    model, changes = load(file)
    opset = check_opset(model, file)
    drop_weights_from_inputs(model.graph)
    if sort_nodes(model.graph):
        changes.append("its operators put in order")
    check_whole(model, file)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if metadata.get("task", "detect") != "detect":
        raise ValueError(
            f"{file.name} must be a detector; its metadata says: {metadata['task']:.30}."
        )
    picture = _picture(model.graph, file)
    dims = picture.type.tensor_type.shape.dim
    leaves_size = not all(dim.dim_value for dim in dims[2:])
    size_wh, is_open = _size(picture, metadata, file, input_size)
    for name in [value.name for value in model.graph.input if value.name != picture.name]:
        make_constant(model.graph, name, _constant_input(model.graph, name, size_wh, file))
        changes.append(f"its input {name:.40} fixed at the input's size")
    if kinds := widen(model.graph):
        changes.append(f"{' and '.join(sorted(kinds))} made float32")
    if inline_constant_branches(model.graph):
        changes.append("branches that are always taken put in their place")
    if is_open:
        changes.append(f"its input fixed at {size_wh[0]} x {size_wh[1]}")
    elif any(node.op_type == "Shape" for node in model.graph.node):
        changes.append("shapes computed ahead")
    if changes:
        fix_size(model, _picture(model.graph, file), size_wh)
    content = model.SerializeToString() if changes else file.read_bytes()
    licence = "".join(filter(str.isprintable, metadata.get("license", "")))[:80]
    return OnnxFile(content, size_wh, _names(metadata), licence, opset, tuple(changes), leaves_size)


def _picture(graph: "GraphProto", file: Path) -> "ValueInfoProto":
    """The one input with four dimensions."""
    pictures: list[ValueInfoProto] = [
        value for value in graph.input if len(value.type.tensor_type.shape.dim) == 4
    ]
    if len(pictures) != 1:
        raise ValueError(
            f"{file.name} has {len(graph.input)} inputs, and {len(pictures)} of them have the four "
            "dimensions of a picture: a detector has one."
        )
    return pictures[0]


def _constant_input(
    graph: "GraphProto", name: str, size_wh: tuple[int, int], file: Path
) -> tuple[float, ...]:
    """What an input besides the picture gets, so that boxes come in pixels of the input."""
    given = next(value for value in graph.input if value.name == name).type.tensor_type
    shape = [dim.dim_value for dim in given.shape.dim]
    if len(shape) == 2 and shape[0] in (0, 1) and shape[1] == 2:
        if "scale" in name:
            return 1.0, 1.0
        # PaddleDetection gives `im_shape` as height and width.
        return tuple(map(float, size_wh[::-1] if name == "im_shape" else size_wh))
    raise ValueError(
        f"{file.name} has an input besides the picture, {name:.40} of shape {tuple(shape)}, whose "
        "meaning is not known: export it with one input."
    )


def _kind_name(kind: int) -> str:
    from onnx import helper

    return str(helper.tensor_dtype_to_np_dtype(kind))


def _size(
    picture: "ValueInfoProto", metadata: dict[str, str], file: Path, wanted: int | None
) -> tuple[tuple[int, int], bool]:
    """Width and height of the input, and whether the file left anything of its shape open."""
    tensor = picture.type.tensor_type
    shape = [size.dim_value if size.HasField("dim_value") else 0 for size in tensor.shape.dim]
    if shape[0] not in (0, 1) or shape[1] not in (0, 3) or tensor.elem_type not in _PICTURES:
        received = ", ".join(str(size or "open") for size in shape)
        raise ValueError(
            f"the input of {file.name} must be one picture, float32 or float16 of shape (1, 3, "
            "height, width): export it like that. Received: "
            f"{_kind_name(tensor.elem_type)} of shape ({received})"
        )
    height, width = shape[2:]
    if max(height, width) > _LARGEST:
        raise ValueError(
            f"the input of {file.name} has {width} x {height} pixels; at most {_LARGEST} x "
            f"{_LARGEST} can be run. Export it with a smaller size."
        )
    if not (height and width):
        if wanted is None:
            said = _literal(metadata.get("imgsz", ""))
            sizes = said if isinstance(said, list | tuple) else [said]
            wanted = next((size for size in sizes if isinstance(size, int)), LIKELY_SIZES[0])
        check_input_size(wanted)
        return (width or wanted, height or wanted), True
    if wanted not in (None, width) or wanted not in (None, height):
        raise ValueError(
            f"`--input` is fixed in {file.name}: {width} x {height} pixels. Received: {wanted}"
        )
    return (width, height), 0 in shape


_PICTURES = {FLOAT32, *HALVES}


def check_input_size(size: int) -> None:
    """Raise `ValueError` unless a network's input may have this side."""
    if size % 32 or not _SMALLEST <= size <= _LARGEST:
        raise ValueError(
            f"`--input` must be a multiple of 32 from {_SMALLEST} to {_LARGEST}. Received: {size}"
        )


def _literal(text: str) -> Any:
    """What a piece of metadata says, which is written as Python or JSON; `None` for nonsense."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _names(metadata: dict[str, str]) -> tuple[str, ...]:
    """Class names: `names` as Ultralytics writes them, or `character` as PaddleDetection does."""
    said = _literal(metadata.get("names", ""))
    if isinstance(said, dict) and list(said) == list(range(len(said))):
        said = list(said.values())
    if isinstance(said, list) and all(isinstance(name, str) for name in said):
        return tuple(said)
    return tuple(line.strip() for line in metadata.get("character", "").splitlines() if line)
