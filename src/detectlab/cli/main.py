"""The `detectlab` command. Heavy modules load inside the commands that need them."""

import contextlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from detectlab import __version__
from detectlab.cli import cluster, compare, models, rollout

if TYPE_CHECKING:
    import socket

    from detectlab.detection.batch import Look
    from detectlab.settings import Settings

app = typer.Typer(
    help="Find objects in pictures, and serve a detector that people can rely on.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
images_app = typer.Typer(help="Fetch the course's own photographs.", no_args_is_help=True)
app.add_typer(models.app, name="models")
app.add_typer(images_app, name="images")
app.add_typer(rollout.app, name="rollout")
app.add_typer(cluster.app, name="cluster")
app.command()(compare.compare)

Engine = Annotated[
    Literal["auto", "opencv", "openvino"] | None,
    typer.Option(help="What runs the network; by default the fastest that is installed."),
]
Precision = Annotated[
    Literal["float32", "fast"] | None,
    typer.Option(help="float32 by default; fast is whatever this machine does best."),
]


def main() -> None:
    """Run the command; what users can mend ends in one sentence, not in a traceback."""
    from detectlab.models.files import WeightsError

    try:
        app()
    except (ValueError, OSError, ModuleNotFoundError, WeightsError) as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.secho(f"detectlab: {message}", fg=typer.colors.RED, err=True)
    raise SystemExit(1)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"detectlab {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Find objects in pictures, and serve a detector that people can rely on."""


@app.command()
def detect(
    images: Annotated[
        list[Path], typer.Argument(help="Pictures, or folders of pictures.", metavar="IMAGE...")
    ],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Detector; see `detectlab models`.")
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", "-c", min=0, max=1, help="Only objects above this.")
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
    kept = {file.resolve() for file in files}  # never written over
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
    if count < 20:
        return looks
    from tqdm import tqdm

    return tqdm(looks, total=count, unit="picture", file=sys.stderr)


def _as_json(look: "Look", name: str) -> dict[str, Any]:
    from detectlab.serving.schemas import Result

    return {"file": str(look.file), **Result.of(look.found, look.seconds, name).model_dump()}


def _print_objects(look: "Look", name: str, drawing: Path | None) -> None:
    count = f"{len(look.found)} object" + ("" if len(look.found) == 1 else "s")
    typer.secho(f"{look.file}: {count} ({name}, {1000 * look.seconds:.0f} ms)", bold=True)
    for corners, label, conf in look.found:
        typer.echo(f"  {label:<14} {conf:.3f}  {corners}")
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


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    root_path: Annotated[
        str, typer.Option(help="Prefix that a proxy in front strips, such as /serve.")
    ] = "",
    allow_open: Annotated[
        bool,
        typer.Option("--allow-open", help="Listen beyond this machine although there is no key."),
    ] = False,
    engine: Engine = None,
    precision: Precision = None,
) -> None:
    """Serve the API until Ctrl-C."""
    import uvicorn

    from detectlab.engines import choose
    from detectlab.serving import request_log
    from detectlab.serving.app import create_app
    from detectlab.serving.auth import refuse_open_door
    from detectlab.settings import Settings

    # In the environment, so that processes of the server's own have them too.
    for name, value in (("ENGINE", engine), ("PRECISION", precision)):
        if value:
            os.environ[f"DETECTLAB_{name}"] = value
    settings = _remembering(Settings())
    choose(settings.engine)  # so that one that is missing is said now
    request_log.configure(settings.log_json)
    refuse_open_door(host, settings.api_key is not None, allow_open or settings.allow_open)
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"Serving on http://{shown}:{port}{root_path} (docs: /docs; stop with Ctrl-C)")
    config = uvicorn.Config(
        create_app(settings=settings),
        root_path=root_path,
        log_level="warning",
        access_log=False,
        ws="none",  # there are none here, and their library would only take memory
        timeout_graceful_shutdown=int(settings.shutdown_grace_s) + 1,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _remembering(settings: "Settings") -> "Settings":
    """Settings with a file for the rollout's plan, unless the cache folder cannot be written."""
    if settings.rollout_file is None:
        with contextlib.suppress(OSError):
            settings.home.mkdir(parents=True, exist_ok=True)
            if os.access(settings.home, os.W_OK):
                file = settings.home / "rollout.sqlite"
                return settings.model_copy(update={"rollout_file": file})
    return settings


def _listen(host: str, port: int) -> "socket.socket":
    """Bind first: uvicorn would only log that the port is taken."""
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host} port {port}: {error.strerror}. Another server may run there: "
            "stop it, or choose another port with --port (0 takes a free one)."
        ) from None
    # Connections inherit it. asyncio's loop sets it only on sockets that name their protocol, and
    # without it an answer waits 40 ms for the client's word that its beginning has arrived.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@images_app.command("pull")
def pull_images() -> None:
    """Fetch the course's own photographs into images/course/, each checked."""
    from detectlab.models.course_photos import ensure_course_images

    folder = ensure_course_images(Path("images") / "course")
    typer.echo(f"The course's photographs are in {folder}.")


@app.command()
def doctor() -> None:
    """Say what is installed, what works, and what to do about what does not."""
    from detectlab.cli.doctor import examine

    findings = examine()
    for finding in findings:
        colour = typer.colors.GREEN if finding.fine else typer.colors.YELLOW
        typer.echo(typer.style("ok  " if finding.fine else "look", fg=colour) + " " + finding.text)
    if not all(finding.fine for finding in findings if finding.needed):
        raise typer.Exit(1)
