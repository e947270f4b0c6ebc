"""Plans in files."""

import json
from pathlib import Path

import yaml
from pydantic import ValidationError

from detectlab.rollout.plan import RolloutPlan


def read_plan(path: Path) -> RolloutPlan:
    """Read a plan from a YAML or JSON file.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no plan; the message says where.
    """
    text = path.read_text("utf-8")
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        return RolloutPlan.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path} is no rollout plan. {explain(error)}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None


def explain(error: ValidationError) -> str:
    """Pydantic's first errors as one sentence: where, and what is wrong."""
    parts = []
    for found in error.errors(include_url=False)[:3]:
        place = ".".join(map(str, found["loc"]))
        parts.append((f"`{place}`: " if place else "") + found["msg"].removeprefix("Value error, "))
    return "; ".join(parts) + "."
