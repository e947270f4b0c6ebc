"""`detectlab collect`: choose kept pictures that are worth labelling."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detectlab.monitoring.collect import Reasons
    from detectlab.settings import Settings
    from detectlab.vision.detections import Detections

_MB = 10**6
Since = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        help="When drift began, in UTC, as `detectlab monitor status` prints it.",
    ),
]


app = typer.Typer()


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="Folder to label them in.")],
    since: Since = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The detector.")] = None,
    other: Annotated[
        str | None, typer.Option(help="A candidate: where both disagree, a person decides.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="Pictures, at most.")] = 50,
    max_mb: Annotated[int, typer.Option(min=1, help="Their size together, at most.")] = 100,
) -> None:
    """Choose kept pictures that are worth labelling: unsure, disputed, drifted, criticised."""
    from detectlab.monitoring.collect import choose, examine, write
    from detectlab.serving.upload_store import kept_pictures
    from detectlab.settings import Settings

    settings = Settings()
    if settings.received_dir is None:
        raise ValueError(
            "No pictures are kept: set DETECTLAB_RECEIVED_DIR to a folder, for this command and "
            "for the server. Tell those who send pictures that they are kept."
        )
    reasons = _reasons(settings, model, other, since)
    kept = kept_pictures(settings.received_dir)
    found = [one for path in kept if (one := examine(path, reasons, settings.max_pixels))]
    if not found:
        raise ValueError(f"No pictures were kept in {settings.received_dir} yet.")
    chosen = choose(found, count=count, max_bytes=max_mb * _MB)
    new = write(out, chosen, reasons.detector.names)
    why = Counter(reason for one in chosen for reason in one.reasons)
    told = ", ".join(f"{reason}: {number}" for reason, number in why.most_common())
    typer.echo(f"Chose {len(chosen)} of {len(found)} kept pictures, {new} of them new ({told}).")
    typer.echo("They show what was sent to you: delete them when they are not needed any more.")
    typer.echo(f"Next: DETECTLAB_LABELS={out} streamlit run client/companion/app.py")


def _reasons(
    settings: "Settings", model: str | None, other: str | None, since: datetime | None
) -> "Reasons":
    from detectlab.detection.detector import load_detector
    from detectlab.monitoring.baseline import BaselineStore
    from detectlab.monitoring.collect import Reasons
    from detectlab.monitoring.regions import Regions

    detector = load_detector(model)
    baseline = BaselineStore(settings.home / "monitoring" / "baselines").load(detector.name)
    return Reasons(
        detector,
        load_detector(other) if other else None,
        Regions.of(baseline.sketch) if baseline else None,
        since.replace(tzinfo=since.tzinfo or UTC) if since else None,
        _judged(settings),
    )


def _judged(settings: "Settings") -> "dict[str, Detections]":
    """What people saw where they contradicted an answer, by the key of the picture."""
    from detectlab.rollout.detections_json import from_json
    from detectlab.rollout.store import SqliteStore
    from detectlab.serving.upload_store import picture_key

    if settings.rollout_file is None or not settings.rollout_file.is_file():
        return {}
    rows = SqliteStore(settings.rollout_file).read(
        "SELECT request_id, number, baseline_detections FROM comparisons "
        "WHERE baseline = 'person' AND missed + extra > 0"
    )
    return {
        picture_key(row["request_id"], row["number"]): from_json(row["baseline_detections"])
        for row in rows
    }
