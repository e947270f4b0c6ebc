"""Loading an ONNX file: whole, of a bearable size, and with operators that are known."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

_OLDEST_OPSET = 7  # before it, shapes of operands were matched by other rules
_MOST_BYTES = 1_500_000_000  # protobuf cannot write 2 GB
_MOST_NODES = 20_000
_LFS_POINTER = b"version https://git-lfs"


def load(file: Path) -> tuple["ModelProto", list[str]]:
    """Load an ONNX file with its external data.

    Returns:
        The model, and what was changed in words.

    Raises:
        ValueError: When it is no ONNX file, too large, or a part is missing.
        ModuleNotFoundError: When the package `onnx` is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "adding an ONNX file needs the package onnx: `pip install onnx`."
        ) from None
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx.external_data_helper import load_external_data_for_model, uses_external_data

    with file.open("rb") as opened:
        if opened.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise ValueError(
                f"{file.name} is a pointer of Git LFS, not the file itself: `git lfs pull` in its "
                "repository fetches that."
            )
    _check_bytes(file, file.stat().st_size)
    try:
        model = onnx.load(file, load_external_data=False)
    except DecodeError as error:
        raise ValueError(f"{file.name} is damaged, or no ONNX file.") from error
    if len(model.graph.node) > _MOST_NODES:
        raise ValueError(
            f"{file.name} has {len(model.graph.node):,} operators; a detector has at most "
            f"{_MOST_NODES:,}."
        )
    external = [tensor for tensor in model.graph.initializer if uses_external_data(tensor)]
    if not external:
        return model, []
    places = {entry.value for t in external for entry in t.external_data if entry.key == "location"}
    beside = [file.parent / place for place in places]
    _check_bytes(file, sum(part.stat().st_size for part in beside if part.is_file()))
    try:
        load_external_data_for_model(model, str(file.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ValueError(
            f"{file.name} keeps its weights in another file, which cannot be read: put "
            f"{', '.join(sorted(map(str, places)))[:100]} beside it, or export into one file."
        ) from error
    return model, ["its parts put into one file"]


def _check_bytes(file: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise ValueError(
            f"{file.name} has {size / 1e9:.1f} GB of weights; at most {_MOST_BYTES / 1e9:.1f} GB "
            "can be read."
        )


def check_opset(model: "ModelProto", file: Path) -> int:
    """Return the version of its operators.

    Args:
        model: The model.
        file: Its file, for the message.

    Raises:
        ValueError: When it is not understood, or there are operators of one runtime.
    """
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


def check_whole(model: "ModelProto", file: Path) -> None:
    """Check the model as the package `onnx` does.

    Args:
        model: The model.
        file: Its file, for the message.

    Raises:
        ValueError: When it is damaged.
    """
    from onnx.checker import ValidationError, check_model

    try:
        check_model(model)
    except ValidationError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{file.name} is damaged, or no ONNX file: {reason:.200}") from error
