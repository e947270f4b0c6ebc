"""The status of a rollout, printed."""

from collections.abc import Sequence
from typing import Any

import typer

_COLOURS = {"stop": typer.colors.RED, "go": typer.colors.GREEN, "wait": None}


def print_plan(status: dict[str, Any]) -> None:
    """Print the plan in force."""
    typer.secho(f"Revision {status['revision']}: {status['summary']}", bold=True)
    if status["problem"]:
        typer.secho(f"Problem: {status['problem']}", fg=typer.colors.YELLOW)
    if not status["durable"]:
        typer.echo("This server forgets its plan when it stops (DETECTLAB_ROLLOUT_FILE keeps it).")


def print_report(report: dict[str, Any]) -> None:
    """Print how the candidate does."""
    if report["stopped"]:
        why = report["stopped"]["why"]
        typer.secho(f"The guard rails stopped the candidate: {why}", fg=typer.colors.RED)
    _print_versions(report)
    for rail in report["rails"]:
        verdict = "not enough yet" if rail["verdict"] == "wait" else rail["verdict"]
        typer.secho(
            f"  {rail['name']:<12} {verdict:<14} {rail['text']}", fg=_COLOURS[rail["verdict"]]
        )
    if report["next_step"]:
        typer.echo(report["next_step"])


def _print_versions(report: dict[str, Any]) -> None:
    for role, version in report["versions"].items():
        p95 = f", p95 {version['p95_ms']:.0f} ms" if version["p95_ms"] is not None else ""
        typer.echo(
            f"  {role:<12} {version['model']}: {version['answers']} answers, "
            f"{version['failures']} failed{p95}"
        )
        if version["last_error"]:
            typer.echo(f"  {'':<12} last error: {version['last_error']}")
    shadow = report["shadow"]
    if shadow and (shadow["compared"] or shadow["failed"]):
        typer.echo(
            f"  {'shadow':<12} {shadow['compared']} of {shadow['answers']} answers compared, "
            f"{shadow['failed']} failed"
        )
    compared = report["agreement"]["with_stable"]
    if compared["pairs"]:
        typer.echo(
            f"  {'':<12} {compared['agreeing']} of {compared['pairs']} pictures have the same "
            f"objects; only stable has {compared['missed']}, only the candidate {compared['extra']}"
        )


def print_plan_size(
    limit: float, traffic: float, *, steps: Sequence[float] | None, step_every_s: float
) -> None:
    """Print how long a canary takes, and what it would notice.

    Args:
        limit: Limit of a guard rail.
        traffic: Requests a second.
        steps: Shares of the clients; by default the plan's.
        step_every_s: Shortest time of a step.
    """
    from detectlab.rollout.plan import Canary, GuardRails
    from detectlab.rollout.plan_size import MULTIPLES, size_plan
    from detectlab.sequential_test import SequentialTest

    rails = GuardRails()
    clean = SequentialTest(limit, alpha=rails.alpha, beta=rails.beta).missing()
    typer.echo(
        f"A rail of {limit:.1%} lets a candidate pass after {clean:,} good answers without a bad "
        "one; each step earns that anew."
    )
    heads = "".join(f"{f'{multiple}x limit':>10}" for multiple in MULTIPLES)
    typer.echo(f"{'share':>7}{'answers/h':>11}{'hours':>9}   stopped within an hour:{heads}")
    sizes = size_plan(
        limit=limit,
        requests_per_s=traffic,
        steps=steps or Canary().steps,
        step_every_s=step_every_s,
    )
    for size in sizes:
        hours = "-" if size.hours is None else f"{size.hours:.2f}"
        chances = "".join(f"{chance:>10.0%}" for chance in size.stopped)
        typer.echo(
            f"{size.share:>7.0%}{size.answers_per_s * 3600:>11,.0f}{hours:>9}{'':26}{chances}"
        )
    if all(size.hours is not None for size in sizes):
        typer.echo(f"In all about {sum(size.hours or 0 for size in sizes):.1f} h.")
