"""`detectlab images`: the course's own photographs."""

from pathlib import Path

import typer

app = typer.Typer(help="Fetch the course's own photographs.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make `pull` a command of the group, although it is the only one."""


@app.command("pull")
def pull() -> None:
    """Fetch the course's own photographs into images/course/, and check each of them."""
    from detectlab.models.course_photos import ensure_course_images

    folder = ensure_course_images(Path("images") / "course")
    typer.echo(f"The course's photographs are in {folder}.")
