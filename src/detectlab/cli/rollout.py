"""`detectlab rollout`: read and change the plan of a running server."""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from detectlab.client.rollout_client import RolloutClient

app = typer.Typer(help="Put a new detector in front of people, step by step.", no_args_is_help=True)

Why = Annotated[str, typer.Option(help="The reason, for the history.")]
Url = Annotated[str, typer.Option(envvar="DETECTLAB_URL", help="Address of the running server.")]
_LOCAL = "http://127.0.0.1:8000"
Candidate = Annotated[
    str | None, typer.Argument(help="The detector to try; by default the plan's candidate.")
]
InputSize = Annotated[int | None, typer.Option(help="Side of its input, in pixels.")]
Confidence = Annotated[
    float | None, typer.Option(help="Its threshold, where the client names none.")
]
Engine = Annotated[str | None, typer.Option(help="What runs it.")]
Drill = Annotated[
    str | None,
    typer.Option(help="Break it on purpose: swapped_channels, slow, raises, hangs or eats_memory."),
]


@contextmanager
def _asking(url: str) -> Iterator["RolloutClient"]:
    """A client whose failures end in one sentence."""
    from detectlab.client import RequestFailed
    from detectlab.client.rollout_client import RolloutClient
    from detectlab.settings import Settings

    key = Settings().api_key
    try:
        yield RolloutClient(url, key.get_secret_value() if key else None, _user())
    except RequestFailed as error:
        raise ValueError(str(error)) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _tell(status: dict[str, Any]) -> None:
    typer.secho(f"Revision {status['revision']}: {status['summary']}", bold=True)
    if status["problem"]:
        typer.secho(f"Look: {status['problem']}", fg=typer.colors.YELLOW)
    if not status["durable"]:
        typer.echo("This server forgets its plan when it stops (DETECTLAB_ROLLOUT_FILE keeps it).")


@app.command()
def status(
    url: Url = _LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it.")] = False,
) -> None:
    """Who answers now, and how the candidate does."""
    with _asking(url) as client:
        now = client.status()
        if as_json:
            typer.echo(json.dumps(now, indent=2))
            return
        _tell(now)
        told = client.report()
    for name, side in told["sides"].items():
        p95 = f", p95 {side['p95_ms']:.0f} ms" if side["p95_ms"] is not None else ""
        typer.echo(
            f"  {name:<10} {side['model']}: {side['answers']} answers, "
            f"{side['failures']} failed{p95}"
        )
    compared = told["agreement"]["with_stable"]
    if compared["pairs"]:
        typer.echo(f"  {compared['agreeing']} of {compared['pairs']} compared pictures agree")


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A plan, as YAML or JSON.")],
    url: Url = _LOCAL,
    why: Why = "",
) -> None:
    """Put the plan of a file in force."""
    from detectlab.rollout import read_plan

    plan = read_plan(file)
    with _asking(url) as client:
        _tell(client.put(plan.model_dump(), why=why))


@app.command()
def shadow(
    candidate: Candidate = None,
    input_size: InputSize = None,
    confidence: Confidence = None,
    engine: Engine = None,
    drill: Drill = None,
    keep_pictures: Annotated[
        int, typer.Option(min=0, help="Of how many disagreements the picture is kept.")
    ] = 0,
    url: Url = _LOCAL,
    why: Why = "",
) -> None:
    """Let a candidate see what stable answers, and compare; it decides nothing."""
    side = _side(candidate, input_size, confidence, engine, drill)
    _start(url, side, why, mode="shadow", shadow={"keep_pictures": keep_pictures})


@app.command()
def canary(
    candidate: Candidate = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the clients that the candidate answers.")
    ] = 0.01,
    input_size: InputSize = None,
    confidence: Confidence = None,
    engine: Engine = None,
    drill: Drill = None,
    url: Url = _LOCAL,
    why: Why = "",
) -> None:
    """Let a candidate answer a share of the clients, behind guard rails."""
    side = _side(candidate, input_size, confidence, engine, drill)
    _start(url, side, why, mode="canary", canary={"share": share})


@app.command("blue-green")
def blue_green(
    candidate: Candidate = None,
    input_size: InputSize = None,
    confidence: Confidence = None,
    engine: Engine = None,
    drill: Drill = None,
    url: Url = _LOCAL,
    why: Why = "",
) -> None:
    """Load a candidate beside stable, ready to be switched to with `promote`."""
    _start(url, _side(candidate, input_size, confidence, engine, drill), why, mode="blue_green")


def _side(
    model: str | None, input_size: int | None, confidence: float | None, engine: str | None,
    drill: str | None,
) -> dict[str, Any]:  # fmt: skip
    said = {
        "model": model, "input_size": input_size, "confidence": confidence, "engine": engine,
        "drill": drill,
    }  # fmt: skip
    given = {name: value for name, value in said.items() if value is not None}
    if given and model is None:
        raise ValueError("name the candidate, too: `detectlab rollout shadow NAME --input-size N`")
    return given


def _start(url: str, candidate: dict[str, Any], why: str, mode: str, **parts: Any) -> None:
    """Change the mode of the plan in force, and its candidate where one is named."""
    with _asking(url) as client:
        now = client.status()
        plan = {**now["plan"], "mode": mode, "live": "blue"}
        if candidate:
            plan["candidate"] = candidate
        for name, changes in parts.items():
            plan[name] = {**plan[name], **changes}
        _tell(client.put(plan, now["revision"], why))


@app.command()
def promote(url: Url = _LOCAL, why: Why = "") -> None:
    """Go one step towards the candidate."""
    with _asking(url) as client:
        _tell(client.promote(why))


@app.command()
def rollback(url: Url = _LOCAL, why: Why = "") -> None:
    """Give everything back to stable."""
    with _asking(url) as client:
        _tell(client.rollback(why))


@app.command()
def release(url: Url = _LOCAL, why: Why = "") -> None:
    """End the rollout: who is live becomes stable, the other one is let go."""
    with _asking(url) as client:
        _tell(client.release(why))


@app.command()
def history(
    url: Url = _LOCAL,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many changes.")] = 20,
) -> None:
    """Who changed what, when and why; the newest first."""
    with _asking(url) as client:
        changes = client.history(limit)
    for change in changes:
        why = f" ({change['why']})" if change["why"] else ""
        typer.secho(f"{change['revision']:>4}  {change['at'][:19]}  {change['to']}", bold=True)
        typer.echo(f"      {change['action']} by {change['who']}{why}")
    if not changes:
        typer.echo("The plan was never changed.")
