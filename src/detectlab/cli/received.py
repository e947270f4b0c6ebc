"""`detectlab received`: the pictures that the server keeps."""

import typer

app = typer.Typer(help="Delete the pictures that the server has kept.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make `clear` a command of the group, although it is the only one."""


@app.command("clear")
def clear() -> None:
    """Delete all received pictures in the folder that DETECTLAB_RECEIVED_DIR names."""
    from detectlab.serving.upload_store import UploadStore
    from detectlab.settings import Settings

    settings = Settings()
    if settings.received_dir is None:
        raise ValueError("No folder is set: name it in DETECTLAB_RECEIVED_DIR.")
    store = UploadStore(settings.received_dir, 0, 0, lambda reason: None)
    typer.echo(f"Deleted {store.clear()} received pictures in {settings.received_dir}.")
