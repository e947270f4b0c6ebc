"""`detectlab detect`: find the objects in pictures, print them and draw them."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detectlab.cli.options import Engine, Precision

if TYPE_CHECKING:
    from detectlab.detection.batch import Look

_MANY = 20  # pictures from which a progress bar is shown


def detect(
    images: Annotated[
        list[Path], typer.Argument(help="Pictures, or folders of pictures.", metavar="IMAGE...")
    ],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Detector; see `detectlab models`.")
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", "-c", min=0, max=1, help="Confidence threshold.")
    ] = 0.5,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, and draw only where --out is given.")
    ] = False,
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

    detector = load_detector(model, engine, precision=precision)
    folder = out if out or as_json else Path("images_with_boxes")
    files = list_pictures(images)
    kept = {file.resolve() for file in files}  # never overwritten
    results, failed = [], False
    looks = look_at_all(files, detector, confidence, at_once=Settings().workers)
    for look in _with_progress(looks, len(files)):
        if look.error:
            typer.secho(str(look.error), fg=typer.colors.RED, err=True)
            failed = True
            continue
        drawing = _save_drawing(look, folder, kept) if folder else None
        if as_json:
            results.append(_as_json(look, detector.name))
        else:
            _print_objects(look, detector.name, drawing)
    if as_json:
        typer.echo(json.dumps(results, indent=2))
    if failed:
        raise typer.Exit(1)


def _with_progress(looks: "Iterable[Look]", count: int) -> "Iterable[Look]":
    if count < _MANY:
        return looks
    from tqdm import tqdm

    return tqdm(looks, total=count, unit="picture", file=sys.stderr)


def _as_json(look: "Look", name: str) -> dict[str, Any]:
    from detectlab.serving.schemas import Result

    return {"file": str(look.file), **Result.of(look.found, look.seconds, name).model_dump()}


def _print_objects(look: "Look", name: str, drawing: Path | None) -> None:
    count = f"{len(look.found)} object" + ("" if len(look.found) == 1 else "s")
    typer.secho(f"{look.file}: {count} ({name}, {1000 * look.seconds:.0f} ms)", bold=True)
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
