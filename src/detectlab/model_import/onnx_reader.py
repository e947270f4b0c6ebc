"""ONNX files: what they say of themselves, and made plain enough for every engine.

It runs when a detector is added, and needs the package `onnx`; serving one does not.
"""

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from detectlab.model_import.onnx_normalize import FLOAT32, HALVES, fix_size, sort_nodes, widen

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

DEFAULT_SIZE = 640
_SMALLEST, _LARGEST = 32, 4096
_OLDEST_OPSET = 7  # before it, shapes of operands were matched by other rules


class OnnxFile(NamedTuple):
    """A network that every engine reads: float32, and one picture of one size.

    Attributes:
        content: The file's bytes.
        input_size_wh: Width and height of its input in pixels.
        names: Its classes by its metadata; empty where they are not said.
        licence: Its licence by its metadata; empty where it is not said.
        opset: The version of the operators that it uses.
        changes: What was changed, in words, so that every engine reads it.
    """

    content: bytes
    input_size_wh: tuple[int, int]
    names: tuple[str, ...]
    licence: str
    opset: int
    changes: tuple[str, ...]


def read_onnx(file: Path, input_size: int | None = None) -> OnnxFile:
    """Read a detector's ONNX file, and make it plain.

    Args:
        file: The `.onnx`; parts that it keeps in files beside it are read, too.
        input_size: Side of its square input in pixels, where the file leaves that open.

    Raises:
        ValueError: When it is no such file, or has what no engine here would run; when `input_size`
            is another one than the file's.
        ModuleNotFoundError: When the package `onnx` is not installed.
    """
    model, changes = _load(file)
    opset = _check_opset(model, file)
    if sort_nodes(model.graph):
        changes.append("its operators put in order")
    _check_whole(model, file)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    _check_purpose(metadata, file)
    picture = _picture(model.graph, file)
    size_wh, is_open = _size(picture, metadata, file, input_size)
    if kinds := widen(model.graph):
        changes.append(f"{' and '.join(sorted(kinds))} made float32")
    if is_open:
        changes.append(f"its input fixed at {size_wh[0]} x {size_wh[1]}")
    elif any(node.op_type == "Shape" for node in model.graph.node):
        changes.append("shapes computed ahead")
    if changes:
        fix_size(model, picture, size_wh)
    content = model.SerializeToString() if changes else file.read_bytes()
    names = _names(metadata.get("names", ""))
    licence = "".join(filter(str.isprintable, metadata.get("license", "")))[:80]
    return OnnxFile(content, size_wh, names, licence, opset, tuple(changes))


def _load(file: Path) -> tuple["ModelProto", list[str]]:
    """The file's content, and whether parts of it came from other files."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "adding an ONNX file needs the package onnx: `pip install onnx`."
        ) from None
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx.external_data_helper import load_external_data_for_model, uses_external_data

    try:
        model = onnx.load(file, load_external_data=False)
    except DecodeError as error:
        raise ValueError(f"{file.name} is damaged, or no ONNX file.") from error
    if not any(uses_external_data(tensor) for tensor in model.graph.initializer):
        return model, []
    try:
        load_external_data_for_model(model, str(file.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ValueError(
            f"{file.name} keeps its weights in another file, which cannot be read: put it beside "
            f"this one, or export into one file. {error}"
        ) from error
    return model, ["its parts put into one file"]


def _check_opset(model: "ModelProto", file: Path) -> int:
    from onnx.defs import onnx_opset_version

    versions = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    others = {node.domain or "ai.onnx" for node in model.graph.node} - {"ai.onnx"}
    if others:
        raise ValueError(
            f"{file.name} uses operators of {', '.join(sorted(others))}, which other engines lack: "
            "export it anew, without one runtime's optimisations."
        )
    opset: int = versions.get("ai.onnx", 0)
    newest = onnx_opset_version()
    if opset and not _OLDEST_OPSET <= opset <= newest:
        raise ValueError(
            f"{file.name} has opset {opset}; {_OLDEST_OPSET} to {newest} are understood. Export it "
            "with opset 17, which all engines know."
        )
    return opset


def _check_whole(model: "ModelProto", file: Path) -> None:
    from onnx.checker import ValidationError, check_model

    try:
        check_model(model)
    except ValidationError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{file.name} is damaged, or no ONNX file: {reason:.200}") from error


def _check_purpose(metadata: dict[str, str], file: Path) -> None:
    """Refuse what its own exporter says is no plain detector."""
    if metadata.get("task", "detect") != "detect":
        raise ValueError(
            f"{file.name} must be a detector; its metadata says: {metadata['task']:.30}."
        )
    arguments = _literal(metadata.get("args", ""))
    has_nms = isinstance(arguments, dict) and arguments.get("nms")
    if has_nms or metadata.get("end2end") == "True":
        raise ValueError(
            f"{file.name} chooses among its boxes by itself. Export it with `end2end=False` and "
            "`nms=False`, so that confidence and overlap can be chosen here."
        )


def _picture(graph: "GraphProto", file: Path) -> "ValueInfoProto":
    """The one input that is no weight."""
    weights = {tensor.name for tensor in graph.initializer}
    inputs: list[ValueInfoProto] = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise ValueError(
            f"{file.name} has {len(inputs)} inputs, and a detector has one: the picture."
        )
    return inputs[0]


def _size(
    picture: "ValueInfoProto", metadata: dict[str, str], file: Path, wanted: int | None
) -> tuple[tuple[int, int], bool]:
    """Width and height of the input, and whether the file left anything of its shape open."""
    tensor = picture.type.tensor_type
    shape = [size.dim_value if size.HasField("dim_value") else 0 for size in tensor.shape.dim]
    if (
        len(shape) != 4
        or shape[0] not in (0, 1)
        or shape[1] not in (0, 3)
        or tensor.elem_type not in {FLOAT32, *HALVES}
    ):
        raise ValueError(
            f"the input of {file.name} must be one picture, float32 or float16 of shape (1, 3, "
            f"height, width). Received: {tuple(size or 'open' for size in shape)} of kind "
            f"{tensor.elem_type}"
        )
    height, width = shape[2:]
    if not (height and width):
        if wanted is None:
            said = _literal(metadata.get("imgsz", ""))
            sizes = said if isinstance(said, list | tuple) else [said]
            wanted = next((size for size in sizes if isinstance(size, int)), DEFAULT_SIZE)
        if wanted % 32 or not _SMALLEST <= wanted <= _LARGEST:
            raise ValueError(
                f"`--input` must be a multiple of 32 from {_SMALLEST} to {_LARGEST}. "
                f"Received: {wanted}"
            )
        return (width or wanted, height or wanted), True
    if wanted not in (None, width) or wanted not in (None, height):
        raise ValueError(
            f"`--input` is fixed in {file.name}: {width} x {height} pixels. Received: {wanted}"
        )
    return (width, height), 0 in shape


def _literal(text: str) -> Any:
    """What a piece of metadata says, which is written as Python or JSON; `None` for nonsense."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _names(text: str) -> tuple[str, ...]:
    said = _literal(text)
    if isinstance(said, dict) and list(said) == list(range(len(said))):
        said = list(said.values())
    if isinstance(said, list) and all(isinstance(name, str) for name in said):
        return tuple(said)
    return ()
