"""`detectlab monitor`: watch a running server, set its baseline, and test it with drills."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from detectlab.cli.connection import LOCAL, AsJson, Url, connected

app = typer.Typer(
    help="Watch a server: have its pictures or its answers changed?", no_args_is_help=True
)

Model = Annotated[
    str | None, typer.Option("--model", "-m", help="The detector; by default stable's.")
]
Photos = Annotated[list[Path] | None, typer.Option(help="Pictures, or folders of pictures.")]


@app.command()
def status(
    url: Url = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Show what is watched, and whether it has drifted."""
    with connected(url) as client:
        state = client.state()
    if as_json:
        typer.echo(json.dumps(state, indent=2))
        return
    if not state["watches"]:
        typer.echo("Nothing was observed yet.")
    for watch in state["watches"]:
        _print_watch(watch)
    for model in state["other_baselines"]:
        typer.echo(f"A baseline of {model} is kept; it has answered nothing since the start.")


@app.command()
def baseline(
    photos: Photos = None,
    model: Model = None,
    last: Annotated[
        int, typer.Option(min=1, max=2000, help="How many of the last pictures.")
    ] = 1000,
    url: Url = LOCAL,
) -> None:
    """Freeze what is usual: the last pictures of the server, or those of a folder."""
    with connected(url) as client:
        if photos:
            name = model or client.models()[0]
            frozen = client.put_baseline(_of_pictures(photos, name))
        else:
            frozen = client.freeze_baseline(model, last)
    typer.echo(f"Baseline of {frozen['model']}: {frozen['source']}.")
    typer.echo("From now on pictures are compared with it: detectlab monitor status")


@app.command()
def drill(
    kind: Annotated[
        str, typer.Argument(help="none, fog, night, blur, camera or new-fruit.", metavar="KIND")
    ],
    photos: Photos = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Pictures, at most.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the random changes.")] = 0,
    url: Url = LOCAL,
) -> None:
    """Send changed pictures until there is an alarm; `none` sends unchanged ones."""
    from detectlab.monitoring.drills import drilled_pictures
    from detectlab.vision.image_files import list_pictures

    pictures = list_pictures(photos or [Path("images")])
    sent = 0
    with connected(url) as client:
        before = {alarm["at"] for alarm in client.state()["alarms"]}
        for data in drilled_pictures(pictures, kind, count=count, seed=seed):
            client.predict(data)
            sent += 1
            if sent % 10 and sent != count:
                continue
            new = [one for one in client.state()["alarms"] if one["at"] not in before]
            if new:
                typer.secho(f"Alarm after {sent} pictures: {new[0]['summary']}", bold=True)
                typer.echo(f"Next: {_collect_command(new[0])}")
                return
        raised = [one["alarm"] for one in client.state()["watches"] if one["alarm"]]
    if raised:
        typer.echo(f"No other alarm after {sent} pictures; still raised: {raised[0]['summary']}")
        typer.echo(f"Next: {_collect_command(raised[0])}")
    else:
        typer.echo(f"No alarm after {sent} pictures.")


def _of_pictures(photos: list[Path], model: str) -> dict[str, Any]:
    from detectlab.detection.detector import load_detector
    from detectlab.monitoring.folder_baseline import baseline_of_pictures
    from detectlab.settings import Settings
    from detectlab.vision.image_files import list_pictures

    return baseline_of_pictures(
        load_detector(model),
        list_pictures(photos),
        max_pixels=Settings().max_pixels,
        on_skipped=lambda text: typer.echo(f"Skipped {text}", err=True),
    ).as_json()


def _print_watch(watch: dict[str, Any]) -> None:
    colour = typer.colors.RED if watch["alarm"] else None
    typer.secho(f"{watch['model']} ({watch['lane']}): {watch['verdict']}", fg=colour, bold=True)
    if watch["baseline"]:
        typer.echo(f"  Baseline of {watch['baseline']['at'][:19]}: {watch['baseline']['source']}.")
    typer.echo(f"  {watch['pictures']} pictures; the last {watch['window']}:")
    for one in watch["statistics"]:
        now, old = one["typical"]["now"], one["typical"]["baseline"]
        psi = "" if one["psi"] is None else f"PSI {one['psi']:.2f}, "
        if now is not None:
            before = "" if old is None else f", {old} before"
            typer.echo(f"    {one['name']:<15} {psi}{one['text']}: {now}{before}")
    if watch["estimated_precision"]:
        estimate = watch["estimated_precision"]
        typer.echo(f"  Precision about {estimate['value']:.2f}, assuming {estimate['assumes']}.")
    if watch["alarm"]:
        typer.echo(f"  Next: {_collect_command(watch['alarm'])}")


def _collect_command(alarm: dict[str, Any]) -> str:
    return f"detectlab collect --since {alarm['since'][:19]} --out to-label"
