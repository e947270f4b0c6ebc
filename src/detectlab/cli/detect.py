"""`detectlab detect`: find the objects in pictures, print them and draw them."""

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detectlab.cli.completion import complete_detectors
from detectlab.cli.fallback_note import note_fallback
from detectlab.cli.options import Confidence, Engine, JsonWithoutDrawings, Precision, check_folder

if TYPE_CHECKING:
    from detectlab.detection.batch import Look

_MANY = 20  # pictures from which a progress bar is shown
_STDIN, _STDIN_FOLDER = Path("-"), "detectlab-stdin-"


def detect(
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures, or folders of pictures; - reads one from standard input.",
            metavar="IMAGE...",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Detector; see `detectlab models`. nano@416 sets the input size.",
            autocompletion=complete_detectors,
        ),
    ] = None,
    confidence: Confidence = 0.5,
    as_json: JsonWithoutDrawings = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the drawn pictures.", show_default="images_with_boxes"),
    ] = None,
    engine: Engine = None,
    precision: Precision = None,
) -> None:
    """Find the objects in pictures, and draw them."""
    from detectlab.detection.batch import look_at_all
    from detectlab.detection.detector import load_detector
    from detectlab.settings import Settings
    from detectlab.vision.image_files import list_pictures

    folder = out if out or as_json else Path("images_with_boxes")
    check_folder("--out", folder)
    with _standard_input(images) as pictures:
        files = list_pictures(pictures)
        detector = load_detector(model, engine, precision=precision)
        looks = look_at_all(files, detector, confidence, at_once=Settings().workers)
        failed = _report(looks, files, detector.name, folder, as_json=as_json)
    note_fallback(model, detector.name)
    if failed:
        raise typer.Exit(1)


def _report(
    looks: "Iterable[Look]", files: list[Path], model: str, folder: Path | None, *, as_json: bool
) -> bool:
    """Print and draw the answers; gives whether a picture could not be read."""
    kept = {file.resolve() for file in files}  # never overwritten
    results, failed = [], False
    for look in _with_progress(looks, len(files)):
        if look.error:
            message = str(look.error).replace(str(look.file), _shown(look.file))
            typer.secho(message, fg=typer.colors.RED, err=True)
            failed = True
            continue
        drawing = _save_drawing(look, folder, kept) if folder else None
        if as_json:
            results.append(_as_json(look, model))
        else:
            _print_objects(look, model, drawing)
    if as_json:
        typer.echo(json.dumps(results, indent=2))
    return failed


@contextlib.contextmanager
def _standard_input(images: list[Path]) -> Iterator[list[Path]]:
    """The pictures with a file of what standard input gives in place of `-`."""
    with tempfile.TemporaryDirectory(prefix=_STDIN_FOLDER) as folder:
        file = Path(folder) / "stdin"
        if _STDIN in images:
            data = sys.stdin.buffer.read()
            if not data:
                raise ValueError("standard input is empty: pipe a picture into it.")
            file = file.with_suffix(".png" if data.startswith(b"\x89PNG") else ".jpg")
            file.write_bytes(data)
        yield [file if image == _STDIN else image for image in dict.fromkeys(images)]


def _shown(file: Path) -> str:
    """A picture's path as the user knows it."""
    return file.name if file.parent.name.startswith(_STDIN_FOLDER) else str(file)


def _with_progress(looks: "Iterable[Look]", count: int) -> "Iterable[Look]":
    if count < _MANY:
        return looks
    from tqdm import tqdm

    return tqdm(looks, total=count, unit="picture", file=sys.stderr)


def _as_json(look: "Look", name: str) -> dict[str, Any]:
    from detectlab.serving.schemas import Result

    return {"file": _shown(look.file), **Result.of(look.found, look.seconds, name).model_dump()}


def _print_objects(look: "Look", name: str, drawing: Path | None) -> None:
    count = f"{len(look.found)} object" + ("" if len(look.found) == 1 else "s")
    typer.secho(f"{_shown(look.file)}: {count} ({name}, {1000 * look.seconds:.0f} ms)", bold=True)
    for corners, label, confidence in look.found:
        typer.echo(f"  {label:<14} {confidence:.3f}  {corners}")
    if drawing:
        typer.echo(f"  saved to {drawing}")


def _save_drawing(look: "Look", folder: Path, kept: set[Path]) -> Path:
    """Write the drawn picture under its own name, or a numbered one where that is taken."""
    from detectlab.vision.drawing import draw_bbox
    from detectlab.vision.images import encode_image

    file = look.file
    format, suffix = ("PNG", ".png") if file.suffix.lower() == ".png" else ("JPEG", ".jpg")
    target, number = folder / (file.stem + suffix), 1
    while target.resolve() in kept:
        number += 1
        target = folder / f"{file.stem}-{number}{suffix}"
    kept.add(target.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encode_image(draw_bbox(look.pixels, look.found), format))
    return target
