"""`detectlab serve`: the API, until Ctrl-C."""

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from detectlab.cli.options import Engine, Precision

if TYPE_CHECKING:
    from detectlab.settings import Settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    root_path: Annotated[
        str, typer.Option(help="Prefix that a reverse proxy strips, such as /serve.")
    ] = "",
    allow_open: Annotated[
        bool,
        typer.Option("--allow-open", help="Listen beyond this machine without an API key."),
    ] = False,
    engine: Engine = None,
    precision: Precision = None,
) -> None:
    """Serve the API until Ctrl-C."""
    import uvicorn

    from detectlab.engines import choose
    from detectlab.kernel.http_limits import WEBSOCKET_OPTIONS, LimitedProtocol
    from detectlab.kernel.listening import bind
    from detectlab.kernel.owner import owner_headers
    from detectlab.serving import log_format
    from detectlab.serving.app import create_app
    from detectlab.serving.auth import refuse_open_door
    from detectlab.settings import Settings

    if engine:
        choose(engine)  # report an unknown or missing engine before anything starts
    # In the environment, so that child processes of the server have them too.
    for name, value in (("ENGINE", engine), ("PRECISION", precision)):
        if value:
            os.environ[f"DETECTLAB_{name}"] = value
    settings = _with_rollout_file(Settings())
    _prepare_process(choose(settings.engine))
    log_format.configure(settings.log_json)
    allowed = allow_open or settings.allow_open
    refuse_open_door(host, has_key=settings.api_key is not None, allowed=allowed)
    listener = bind(host, port)
    port = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}{root_path}"
    typer.echo(f"Serving on {url} (docs: /docs; stop with Ctrl-C)")
    app = create_app(settings=settings)
    _announce(settings, url)
    config = uvicorn.Config(
        app,
        root_path=root_path,
        headers=owner_headers(host),
        http=LimitedProtocol,
        log_level="warning",
        access_log=False,
        **WEBSOCKET_OPTIONS,
        timeout_graceful_shutdown=int(settings.shutdown_grace_s) + 1,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _prepare_process(engine: str) -> None:
    """Choose how this process allocates memory, and how many threads OpenCV has."""
    import cv2

    from detectlab.detection.memory import use_one_arena

    use_one_arena()
    if engine != "opencv":
        cv2.setNumThreads(1)  # its threads would wait for work in a loop, beside the network's


def _announce(settings: "Settings", url: str) -> None:
    """Print what an operator has to know about the settings.

    Args:
        settings: The server's.
        url: Its address.
    """
    from detectlab.serving.auth import TOKEN_FILE
    from detectlab.serving.upload_store import retention

    if settings.received_dir and settings.received_keep:
        typer.echo(f"{retention(settings)} They are in {settings.received_dir}.")
    if settings.api_key is None and settings.operator_token is None:
        file = settings.home / TOKEN_FILE
        typer.echo(f"`detectlab rollout` and other operators send the token of {file}")
        # Only to a person: what a program reads here may be kept as a log.
        if sys.stdout.isatty():
            from detectlab.client.operator_token import local_operator_token

            if token := local_operator_token(url):
                page = f"{url}/sign-in?next=rollout/report.html#{token}"
                typer.echo(f"The rollout's report in a browser, for operators: {page}")


def _with_rollout_file(settings: "Settings") -> "Settings":
    """Settings with a file for the rollout's plan, unless the cache folder cannot be written."""
    if settings.rollout_file is None:
        with contextlib.suppress(OSError):
            settings.home.mkdir(parents=True, exist_ok=True)
            if os.access(settings.home, os.W_OK):
                file = settings.home / "rollout.sqlite"
                return settings.model_copy(update={"rollout_file": file})
    return settings
