"""`detectlab progress`: which exercises of the course are solved."""

import json
from typing import Annotated

import typer


def progress(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say which exercises of the notebooks are solved. It is kept on this machine only."""
    from detectlab.course.progress import progress as read

    entries = read()
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
        return
    typer.echo("notebook  exercise               tries  solved")
    for one in entries:
        solved = (one["solved"] or "-").replace("T", " ").removesuffix("+00:00")
        typer.echo(f"{one['notebook']:<9} {one['exercise']:<22} {one['tries']:>5}  {solved}")
    done = sum(one["solved"] is not None for one in entries)
    typer.echo(f"{done} of {len(entries)} exercises are solved.")
