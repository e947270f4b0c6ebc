"""`detectlab rollout`: read and change the plan of a running server."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from detectlab.cli.connection import LOCAL, AsJson, Url, connected
from detectlab.cli.rollout_status import print_plan, print_report

app = typer.Typer(help="Roll out a new detector: shadow, canary, blue/green.", no_args_is_help=True)

Why = Annotated[str, typer.Option(help="The reason, for the history.")]
Candidate = Annotated[
    str | None, typer.Argument(help="The detector to try; by default the plan's candidate.")
]
InputSize = Annotated[int | None, typer.Option(help="Side of its input, in pixels.")]
Confidence = Annotated[
    float | None, typer.Option(help="Its threshold for requests that name none.")
]
Engine = Annotated[str | None, typer.Option(help="Its inference engine.")]
Drill = Annotated[
    str | None,
    typer.Option(help="Inject a fault: swapped_channels, slow, raises, hangs or eats_memory."),
]


@app.command()
def status(
    url: Url = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Show the plan in force, and how the candidate does."""
    with connected(url) as client:
        now = client.status()
        if as_json:
            typer.echo(json.dumps(now, indent=2))
            return
        print_plan(now)
        report = client.report()
    print_report(report)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A plan, as YAML or JSON.")],
    url: Url = LOCAL,
    why: Why = "",
) -> None:
    """Put the plan of a file in force."""
    from detectlab.rollout import read_plan

    plan = read_plan(file)
    with connected(url) as client:
        print_plan(client.put(plan.model_dump(), why=why))


@app.command()
def shadow(
    candidate: Candidate = None,
    input_size: InputSize = None,
    confidence: Confidence = None,
    engine: Engine = None,
    drill: Drill = None,
    keep_pictures: Annotated[
        int, typer.Option(min=0, help="Number of disagreements whose picture is kept.")
    ] = 0,
    url: Url = LOCAL,
    why: Why = "",
) -> None:
    """Run a candidate in the shadow: it sees what stable answers, and answers nothing."""
    version = _version(
        candidate, input_size=input_size, confidence=confidence, engine=engine, drill=drill
    )
    _start(url, version, why, mode="shadow", shadow={"keep_pictures": keep_pictures})


@app.command()
def canary(
    candidate: Candidate = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the clients that it answers.")
    ] = 0.01,
    input_size: InputSize = None,
    confidence: Confidence = None,
    engine: Engine = None,
    drill: Drill = None,
    url: Url = LOCAL,
    why: Why = "",
) -> None:
    """Send a share of the clients to a candidate, behind guard rails."""
    version = _version(
        candidate, input_size=input_size, confidence=confidence, engine=engine, drill=drill
    )
    _start(url, version, why, mode="canary", canary={"share": share})


@app.command("blue-green")
def blue_green(
    candidate: Candidate = None,
    input_size: InputSize = None,
    confidence: Confidence = None,
    engine: Engine = None,
    drill: Drill = None,
    url: Url = LOCAL,
    why: Why = "",
) -> None:
    """Load a candidate beside stable; `promote` switches to it."""
    version = _version(
        candidate, input_size=input_size, confidence=confidence, engine=engine, drill=drill
    )
    _start(url, version, why, mode="blue_green")


def _version(model: str | None, **settings: Any) -> dict[str, Any]:
    given = {name: value for name, value in settings.items() if value is not None}
    if given and model is None:
        raise ValueError("name the candidate, too: `detectlab rollout shadow NAME --input-size N`")
    return {"model": model, **given} if model else {}


def _start(url: str, candidate: dict[str, Any], why: str, *, mode: str, **parts: Any) -> None:
    """Change the mode of the plan in force, and its candidate where one is named."""
    with connected(url) as client:
        now = client.status()
        plan = {**now["plan"], "mode": mode, "live": "blue"}
        if candidate:
            plan["candidate"] = candidate
        for name, changes in parts.items():
            plan[name] = {**plan[name], **changes}
        print_plan(client.put(plan, now["revision"], why))


@app.command("plan-size")
def plan_size(
    limit: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Limit of the rail, such as max_error_rate.")
    ] = 0.05,
    traffic: Annotated[
        float, typer.Option(min=0.001, help="Requests a second, of all clients together.")
    ] = 1.0,
    step: Annotated[
        list[float] | None,
        typer.Option(min=0.001, max=1, help="A share of the clients; repeat it for each step."),
    ] = None,
    step_every: Annotated[
        float, typer.Option(min=0, help="The plan's step_every_s, in seconds.")
    ] = 0.0,
) -> None:
    """Say how long a canary takes, and what it would notice; needs no server."""
    from detectlab.cli.rollout_status import print_plan_size

    print_plan_size(limit, traffic, steps=step, step_every_s=step_every)


@app.command()
def promote(
    url: Url = LOCAL,
    why: Why = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Go without enough evidence; the history says so.")
    ] = False,
) -> None:
    """Take one step towards the candidate."""
    with connected(url) as client:
        revision = client.status()["revision"]
        print_plan(client.promote(why, anyway=anyway, revision=revision))


@app.command()
def rollback(url: Url = LOCAL, why: Why = "") -> None:
    """Give everything back to stable."""
    with connected(url) as client:
        before = client.status()["revision"]
        now = client.rollback(why, revision=before)
        print_plan(now)
        if now["revision"] == before:
            typer.echo("Stable answers everything already: there was nothing to roll back.")


@app.command()
def release(url: Url = LOCAL, why: Why = "") -> None:
    """End the rollout: the live version becomes stable, the other one is unloaded."""
    with connected(url) as client:
        print_plan(client.release(why, revision=client.status()["revision"]))


@app.command()
def history(
    url: Url = LOCAL,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many changes.")] = 20,
) -> None:
    """List who changed what, when and why; the newest first."""
    with connected(url) as client:
        changes = client.history(limit)
    for change in changes:
        why = f" ({change['why']})" if change["why"] else ""
        typer.secho(f"{change['revision']:>4}  {change['at'][:19]}  {change['to']}", bold=True)
        typer.echo(f"      {change['action']} by {change['who']}{why}")
    if not changes:
        typer.echo("The plan was never changed.")
