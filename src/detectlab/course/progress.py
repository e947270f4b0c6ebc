"""Which exercises a learner has solved: kept in a file of DETECTLAB_HOME, and sent nowhere."""

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from detectlab.models.atomic_files import WeightsError, replace_file
from detectlab.settings import Settings

# The checks of each notebook, in the order of the course.
EXERCISES: dict[str, tuple[str, ...]] = {
    "server": ("box_area", "precision_and_recall", "confidence_parameter", "question"),
    "client": ("predict_url", "statuses", "counts"),
    "package": ("parse_predictions", "models", "service", "dockerfile"),
    "app": ("look", "ask", "page", "compose"),
    "compare": ("work_ratio", "average_precision", "pick", "place"),
    "rollout": ("sticky_share", "bet", "guard_rails", "rollout_plan"),
    "monitor": ("psi", "kinds", "to_label", "label_line"),
    "scale": ("replicas_needed", "ask_again", "cluster_settings"),
}


class Entry(TypedDict):
    """What is known about an exercise: runs of its check, and when it first said "Correct"."""

    notebook: str
    exercise: str
    tries: int
    solved: str | None


def record(check: str, correct: bool) -> None:
    """Count a run of a check, when a notebook's kernel runs it.

    Args:
        check: Name of the check, such as `check_box_area`.
        correct: Its verdict.
    """
    if "ipykernel" not in sys.modules:
        return
    with suppress(WeightsError):  # no place to write: the exercise is what matters
        entries = _read()
        tries, solved = entries.get(check, (0, None))
        if correct and solved is None:
            solved = datetime.now(UTC).isoformat(timespec="seconds")
        entries[check] = (tries + 1, solved)
        text = json.dumps(entries, indent=1).encode()
        replace_file(_file(), lambda file: file.write(text))


def progress() -> list[Entry]:
    """All exercises of the course, with what is known about each."""
    entries = _read()
    found = []
    for notebook, exercises in EXERCISES.items():
        for exercise in exercises:
            tries, solved = entries.get(f"check_{exercise}", (0, None))
            found.append(Entry(notebook=notebook, exercise=exercise, tries=tries, solved=solved))
    return found


def _file() -> Path:
    return Settings().home / "progress.json"


def _read() -> dict[str, tuple[int, str | None]]:
    """The file's entries; those that cannot be read are left out."""
    try:
        content = json.loads(_file().read_text("utf-8"))
        return {str(name): (int(tries), solved) for name, (tries, solved) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
