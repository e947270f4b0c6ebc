"""Options that several commands have in common."""

import getpass
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

# A plain string: the engines are a registry, which is read only where a command needs it.
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Runtime for the network; `detectlab doctor` lists them. By default the fastest "
        "one that is installed.",
    ),
]
Precision = Annotated[
    Literal["float32", "fast"] | None,
    typer.Option(help="float32 by default; fast uses what this processor does best."),
]
Confidence = Annotated[
    float, typer.Option("--confidence", "-c", min=0, max=1, help="Confidence threshold.")
]
JsonWithoutDrawings = Annotated[
    bool, typer.Option("--json", help="Print JSON, and draw only where --out is given.")
]


def user_name() -> str:
    """The name of the user, for histories; a number where there is no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def check_folder(option: str, folder: Path | None) -> None:
    """Refuse a file where drawings are to go.

    Args:
        option: The option that names it.
        folder: The folder, which need not exist.

    Raises:
        ValueError: It, or a part of its path, is a file.
    """
    for place in (folder, *folder.parents) if folder else ():
        if place.exists() and not place.is_dir():
            raise ValueError(f"`{option}` must be a folder. Received the file {place}")
