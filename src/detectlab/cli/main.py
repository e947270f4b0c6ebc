"""The `detectlab` command. Heavy modules load inside the commands that need them."""

from typing import Annotated

import typer

from detectlab import __version__
from detectlab.cli import (
    cluster,
    collect,
    compare,
    detect,
    doctor,
    images,
    models,
    monitor,
    progress,
    received,
    rollout,
    serve,
)

_HELP = "Find objects in pictures, and serve a detector that people can rely on."

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(detect.detect)
app.command()(serve.serve)
app.command()(compare.compare)
app.add_typer(collect.app)
app.command()(doctor.doctor)
app.command()(progress.progress)
app.add_typer(models.app, name="models")
app.add_typer(images.app, name="images")
app.add_typer(received.app, name="received")
app.add_typer(rollout.app, name="rollout")
app.add_typer(monitor.app, name="monitor")
app.add_typer(cluster.app, name="cluster")


def main() -> None:
    """Run the command; an error that the user can mend prints one sentence, no traceback."""
    try:
        app()
    except Exception as error:
        if not isinstance(error, _mendable_errors()):
            raise
        typer.secho(f"detectlab: {error}", fg=typer.colors.RED, err=True)
        raise SystemExit(1) from None


def _mendable_errors() -> tuple[type[Exception], ...]:
    from detectlab.kernel.listening import ServerStartError
    from detectlab.models.files import WeightsError

    return ValueError, OSError, ModuleNotFoundError, WeightsError, ServerStartError


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"detectlab {__version__}")
        raise typer.Exit


@app.callback(help=_HELP)
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options before the command."""
