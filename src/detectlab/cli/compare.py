"""`detectlab compare`: what several detectors find in the same pictures, and what that costs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detectlab.compare import Comparison

_DRAWN = 12  # pictures that are drawn, at most


def compare(
    pictures: Annotated[
        list[Path], typer.Argument(help="Pictures, or folders of pictures.", metavar="PICTURE...")
    ],
    models: Annotated[
        str | None,
        typer.Option(
            "--models",
            "-m",
            help="Detectors, as in a,b,c; nano@320 is one at another input size.",
            show_default="all that are here",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", "-c", min=0, max=1, help="Above it, an object counts.")
    ] = 0.5,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of label files.", show_default="beside the pictures")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for plot and drawings.", show_default="images_with_boxes/compare"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, and draw only where --out is given.")
    ] = False,
) -> None:
    """Compare detectors: time, what is found, size and memory.

    With label files (`apple.txt` for `apple.jpg`, beside it or in `labels`), what is found is
    AP50; otherwise it is how far each detector agrees with the largest.
    """
    from detectlab.compare import compare_detectors
    from detectlab.vision.image_files import list_pictures

    comparison = compare_detectors(
        list_pictures(pictures), _wanted(models), labels=labels, confidence=confidence
    )
    if as_json:
        typer.echo(json.dumps(comparison.as_json(), indent=2))
    else:
        typer.echo(comparison.table())
    if out or not as_json:
        _draw(comparison, out or Path("images_with_boxes") / "compare")


def _wanted(models: str | None) -> list[str]:
    from detectlab.models.files import is_present
    from detectlab.models.registry import registry

    if models is None:
        return [name for name in registry() if is_present(name)]
    return [name for name in models.split(",") if name.strip()]


def _draw(comparison: "Comparison", folder: Path) -> None:
    """Write the plot, and the pictures about which the detectors differ most."""
    from detectlab.compare import most_different, side_by_side
    from detectlab.compare.plot import PlotError, save_plot
    from detectlab.vision.images import encode_image

    folder.mkdir(parents=True, exist_ok=True)
    for rank, index in enumerate(most_different(comparison, _DRAWN), start=1):
        drawn = encode_image(side_by_side(comparison, index))
        # Pictures of different folders may have the same name, so the rank is a part of it.
        name = f"{rank:02}-{comparison.pictures[index].stem}.jpg"
        (folder / name).write_bytes(drawn)
    typer.echo(f"Drawings of what each found are in {folder}.", err=True)
    try:
        save_plot(comparison, folder / "time-and-found.png")
    except PlotError as error:
        typer.secho(f"No plot: {error}", fg=typer.colors.YELLOW, err=True)
    else:
        typer.echo(f"The plot is {folder / 'time-and-found.png'}.", err=True)
