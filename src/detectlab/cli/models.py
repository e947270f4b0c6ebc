"""`detectlab models`: list, fetch, add, remove and check detectors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detectlab.cli.completion import complete_detectors, complete_own_detectors
from detectlab.cli.fitting import (
    Colour,
    Decoder,
    Deviation,
    Mean,
    Place,
    Scale,
    describe_decoding,
    fitting_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectlab.models.card import ModelCard

app = typer.Typer(help="List, fetch, add, remove and check detectors.")


@app.callback(invoke_without_command=True)
def list_models(context: typer.Context) -> None:
    """List the detectors: size, licence, purpose, and where the files are."""
    if context.invoked_subcommand:
        return
    from detectlab.detection.calibrations import measured_of
    from detectlab.models.files import default_model, locate
    from detectlab.models.registry import registry

    default = default_model()
    for card in registry().values():
        size = locate(card).weights.stat().st_size if card.embedded else card.size
        typer.echo(
            typer.style(f"{card.name + (' *' if card.name == default else ''):<18}", bold=True)
            + (f"{size / 1e6:7.1f} MB" if size else " " * 10)
            + f"  {len(card.classes):>2} classes  {_place(card):<17} {card.licence}"
        )
        typer.echo(f"    {card.description}")
        if card.own:
            typer.echo(f"    {describe_decoding(card)}")
        if measured := measured_of(card):
            typer.echo(f"    in int8 it {measured}")
    typer.echo(
        "* is the default. `detectlab models pull NAME` fetches a detector, "
        "`models add NAME FILE...` adds your own."
    )


def _place(card: "ModelCard") -> str:
    from detectlab.models.files import is_present

    if card.embedded:
        return "with the package"
    if card.own:
        return "added" if is_present(card) else "damaged"
    if card.library_weights:
        return "to export"
    return "here" if is_present(card) else "to pull"


@app.command("pull")
def pull(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Detectors to fetch.", metavar="NAME...", autocompletion=complete_detectors
        ),
    ],
) -> None:
    """Fetch detectors, and check each file's checksum."""
    from detectlab.model_import.ultralytics_export import export
    from detectlab.models.files import ensure
    from detectlab.models.registry import get_card

    for card in [get_card(name) for name in names]:  # checks all names before any download
        if card.library_weights:
            typer.echo(
                f"{card.name}: code and weights are {card.licence} ({card.licence_url}). The "
                "licence sets conditions for passing them on, and for offering them over a network."
            )
            card = export(card)
        files = ensure(card)
        typer.echo(f"{card.name}: {files.weights}")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the new detector.")],
    files: Annotated[
        list[Path],
        typer.Argument(help="One .onnx, or a .cfg and its .weights.", metavar="FILE..."),
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Class names, one a line; an ONNX file may contain them.")
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option("--input", help="Side of the input in pixels, where the files do not fix it."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Folder of labelled pictures to measure it with.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the drawn pictures.")] = Path(
        "images_with_boxes"
    ),
    decoder: Decoder = None,
    colour: Colour = None,
    scale: Scale = None,
    mean: Mean = None,
    deviation: Deviation = None,
    place: Place = None,
) -> None:
    """Add your own detector; running servers offer it at once. Add only files that you trust."""
    from detectlab.model_import.add import add_examined

    card, examined = add_examined(
        name,
        files,
        labels,
        input_size,
        decoder=decoder,
        options=fitting_options(
            colour=colour, scale=scale, mean=mean, deviation=deviation, place=place
        ),
        check=check,
        drawings=out,
    )
    width, height = card.input_size_wh
    known = ", ".join(card.classes[:5]) + (", ..." if len(card.classes) > 5 else "")
    typer.echo(
        f"{name}: {card.decoder}, {width} x {height} pixels, {len(card.classes)} classes "
        f"({known}), licence: {card.licence}"
    )
    typer.echo(f"    {card.description}")
    for picture, rows in examined.found:
        typer.echo(f"    {picture}: {_objects(rows)}")
    if examined.ap50 is not None:
        typer.echo(f"    AP50 on {check}: {examined.ap50:.3f}")
    typer.echo(f"    drawn in {examined.drawing}")
    typer.echo(f"`detectlab detect --model {name} IMAGE...` uses it.")


@app.command("decode")
def decode(
    name: Annotated[
        str, typer.Argument(help="An added detector.", autocompletion=complete_own_detectors)
    ],
    decoder: Decoder = None,
    colour: Colour = None,
    scale: Scale = None,
    mean: Mean = None,
    deviation: Deviation = None,
    place: Place = None,
) -> None:
    """Change how the outputs of an added detector are read, and how pictures are fitted in."""
    from detectlab.model_import.change import change_decoding

    options = fitting_options(
        colour=colour, scale=scale, mean=mean, deviation=deviation, place=place
    )
    card = change_decoding(name, decoder, options)
    typer.echo(f"{name}: {describe_decoding(card)}")


@app.command("quantize")
def quantize(
    name: Annotated[str, typer.Argument(help="A detector.")],
    pictures: Annotated[
        list[Path], typer.Option(help="Pictures like those that it will see, or a folder of them.")
    ],
    max_loss: Annotated[
        float,
        typer.Option(min=0, max=1, help="Largest loss of mean AP50, or of objects without labels."),
    ] = 0.01,
) -> None:
    """Calibrate a detector for int8 on pictures of yours; `--precision fast` uses it then."""
    from detectlab.quantize import quantize_detector, split_pictures
    from detectlab.vision.image_files import list_pictures

    calibrating, measuring = split_pictures(list_pictures(pictures))
    file, measured = quantize_detector(
        name, calibrating=calibrating, measuring=measuring, max_loss=max_loss
    )
    typer.echo(f"{name} in int8 {measured}")
    typer.echo(f"    {file}")


@app.command("remove")
def remove(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Added detectors.", metavar="NAME...", autocompletion=complete_own_detectors
        ),
    ],
) -> None:
    """Remove added detectors."""
    from detectlab.model_import.add import remove as remove_detector

    for name in names:
        remove_detector(name)
        typer.echo(f"{name} is removed.")


def _objects(rows: "Sequence[tuple[str, float, int, int, int, int]]") -> str:
    texts = [f"{label} {score:.2f} [{', '.join(map(str, box))}]" for label, score, *box in rows[:4]]
    more = [f"and {len(rows) - 4} more"] if len(rows) > 4 else []
    return "; ".join(texts + more) or "nothing"


@app.command("verify")
def verify_models() -> None:
    """Check the checksums of all files on this machine."""
    from detectlab.models.files import verify
    from detectlab.models.registry import registry

    wrong = False
    for card in registry().values():
        for file, state in verify(card).items():
            if state != "missing" or card.own:
                typer.echo(f"{state:<6} {card.name}: {file}")
            wrong |= state == "wrong" or (state == "missing" and card.own)
    if wrong:
        raise ValueError(
            "a file is damaged. `detectlab models pull NAME` fetches it again; remove an "
            "added detector and add it again."
        )
