"""`detectlab compare`: accuracy and cost of several detectors on the same pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detectlab.cli.completion import complete_detectors
from detectlab.cli.options import Confidence, JsonWithoutDrawings, check_folder

if TYPE_CHECKING:
    from detectlab.compare import ComparisonTable

_MOST_DRAWN = 12  # pictures


def compare(
    pictures: Annotated[
        list[Path], typer.Argument(help="Pictures, or folders of pictures.", metavar="PICTURE...")
    ],
    models: Annotated[
        str | None,
        typer.Option(
            "--models",
            "-m",
            help="Detectors, such as a,b,c; nano@416 sets the input size.",
            show_default="all that are on this machine",
            autocompletion=complete_detectors,
        ),
    ] = None,
    confidence: Confidence = 0.5,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of label files.", show_default="beside the pictures")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for plot and drawings.", show_default="images_with_boxes/compare"
        ),
    ] = None,
    as_json: JsonWithoutDrawings = False,
) -> None:
    """Compare detectors: accuracy, time, size and memory.

    With label files (`apple.txt` for `apple.jpg`, beside it or in `labels`), the accuracy is
    AP50; without, it is the agreement with the largest detector.
    """
    from detectlab.compare import compare_detectors
    from detectlab.vision.image_files import list_pictures

    check_folder("--out", out)
    comparison = compare_detectors(
        list_pictures(pictures), _names(models), labels=labels, confidence=confidence
    )
    if as_json:
        typer.echo(json.dumps(comparison.as_json(), indent=2))
    else:
        typer.echo(comparison.as_text())
    if out or not as_json:
        _draw(comparison, out or Path("images_with_boxes") / "compare")


def _names(models: str | None) -> list[str]:
    from detectlab.models.files import is_present
    from detectlab.models.registry import registry

    if models is None:
        return [name for name in registry() if is_present(name)]
    return [name for name in models.split(",") if name.strip()]


def _draw(comparison: "ComparisonTable", folder: Path) -> None:
    """Write the plot, and contact sheets of the pictures with the least agreement."""
    from detectlab.compare import draw_contact_sheet, most_different
    from detectlab.compare.plot import PlotError, save_plot
    from detectlab.vision.images import encode_image

    folder.mkdir(parents=True, exist_ok=True)
    for rank, index in enumerate(most_different(comparison, _MOST_DRAWN), start=1):
        drawn = encode_image(draw_contact_sheet(comparison, index))
        # The rank makes the names of pictures from different folders distinct.
        name = f"{rank:02}-{comparison.pictures[index].stem}.jpg"
        (folder / name).write_bytes(drawn)
    typer.echo(f"Drawings of all detections are in {folder}.", err=True)
    try:
        save_plot(comparison, folder / "time-and-found.png")
    except PlotError as error:
        typer.secho(f"No plot: {error}", fg=typer.colors.YELLOW, err=True)
    else:
        typer.echo(f"The plot is {folder / 'time-and-found.png'}.", err=True)
