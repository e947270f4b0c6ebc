"""The dashboard and the alert rules name metrics that the app has."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testing
import yaml
from starlette.testclient import TestClient

_FUNCTIONS = {"histogram_quantile", "increase", "rate", "sum"}
_FROM_OTHERS = {"up"}  # Prometheus' own


def expressions(folder: Path) -> list[str]:
    """All queries of the rules and of the dashboard."""
    rules = yaml.safe_load((folder / "alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((folder / "grafana" / "detectlab.json").read_text())["panels"]
    targets = [target["expr"] for panel in panels for target in panel["targets"]]
    return [rule["expr"] for rule in rules] + targets


def metrics_of(expression: str) -> set[str]:
    """The metrics that a query names."""
    plain = re.sub(r"\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)", "", expression)
    return set(re.findall(r"[a-z_]{2,}", plain)) - _FUNCTIONS - _FROM_OTHERS


def test_every_metric_of_dashboard_and_rules_is_one_of_the_app(
    root: Path,
    make_client: Callable[..., TestClient],
    fake: testing.FakeDetector,
    send: Callable[..., None],
) -> None:
    client = make_client(fake)
    send(client, 110)
    client.post("/monitoring/baseline")
    send(client, 100, first=200)
    client.get("/monitoring")
    shown = set(re.findall(r"^([a-z_]+)[ {]", client.get("/metrics").text, re.MULTILINE))

    asked = expressions(root / "deploy" / "monitoring")

    assert len(asked) >= 14
    for expression in asked:
        named = metrics_of(expression)
        assert named <= shown, f"{expression}: {named - shown}"


def test_rules_pass_promtool(root: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool, of Debian's package prometheus")
    folder = root / "deploy" / "monitoring"

    for check in (["rules", "alerts.yml"], ["config", "--syntax-only", "prometheus.yml"]):
        run = subprocess.run(
            [promtool, "check", *check], cwd=folder, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr


def test_grafana_reads_the_data_source_that_the_dashboard_names(root: Path) -> None:
    folder = root / "deploy" / "monitoring" / "grafana"
    sources: dict[str, Any] = yaml.safe_load(
        (folder / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    )
    uids = {source["uid"] for source in sources["datasources"]}

    panels = json.loads((folder / "detectlab.json").read_text())["panels"]

    assert {panel["datasource"]["uid"] for panel in panels} == uids
