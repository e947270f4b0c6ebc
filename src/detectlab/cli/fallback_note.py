"""The note that another detector than the preferred one answers: said once on each machine."""

import contextlib
from pathlib import Path

import typer

_MARK = "fallback-was-said"


def note_fallback(model: str | None, used: str) -> None:
    """Print the note to stderr, unless it was printed on this machine before.

    Args:
        model: The detector that the user named, or nothing.
        used: The detector that answers.
    """
    from detectlab.models.files import PREFERRED, fallback_sentence
    from detectlab.settings import Settings

    settings = Settings()
    if model or settings.model or used == PREFERRED:
        return
    if _is_first_time(settings.home / _MARK):
        typer.echo(fallback_sentence(used), err=True)


def _is_first_time(mark: Path) -> bool:
    """Whether the mark was missing; it is there from now on."""
    with contextlib.suppress(OSError):  # a folder that cannot be written: say it again
        mark.parent.mkdir(parents=True, exist_ok=True)
        if mark.exists():
            return False
        mark.touch()
    return True
