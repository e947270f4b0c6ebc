"""The container files, without an engine: what they promise can be read in them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml


def tool(name: str) -> Path:
    return Path(sys.executable).parent / name


def check(*command: object) -> None:
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_dockerfile_passes_hadolint(root: Path) -> None:
    check(tool("hadolint"), root / "Dockerfile")


@pytest.mark.parametrize("file", ["compose.yaml", "deploy/proxy/compose.yaml"])
def test_compose_file_has_the_form_of_its_schema(root: Path, file: str) -> None:
    check(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", root / file)


def test_workflow_has_the_form_of_its_schema(root: Path) -> None:
    files = sorted((root / ".github" / "workflows").glob("*.yml"))
    assert files
    check(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)


def test_shell_scripts_pass_shellcheck(root: Path) -> None:
    files = [*root.glob("deploy/*/*.sh"), *root.glob("tests/containers/*.sh")]
    assert len(files) >= 7
    check("env", "-C", root, tool("shellcheck"), "-x", *files)


@pytest.fixture(scope="module")
def services(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "compose.yaml").read_text("utf-8"))["services"]
    return loaded


def test_composed_services_are_restrained(services: dict[str, Any]) -> None:
    for name in ("api", "companion"):
        service = services[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert {"mem_limit", "cpus", "pids_limit", "restart"} <= service.keys()
    assert services["companion"]["depends_on"]["api"]["condition"] == "service_healthy"
    assert services["lab"]["profiles"] == ["lab"]


def test_composed_ports_are_open_to_this_machine_alone(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service["ports"]]

    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_take_the_versions_of_the_development_lock(root: Path) -> None:
    def pins(name: str) -> set[str]:
        text = (root / "requirements" / f"{name}.txt").read_text("utf-8")
        return set(re.findall(r"^([\w.-]+==[\w.]+)", text, re.MULTILINE))

    dev = pins("dev")
    extra = {pin for name in ("image-api", "image-companion") for pin in pins(name) - dev}
    version = next(pin for pin in dev if pin.startswith("opencv-python==")).partition("==")[2]
    assert extra == {f"opencv-python-headless=={version}"}


def test_only_named_things_reach_the_images(root: Path) -> None:
    lines = (root / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    allowed = {rule[1:].split("/")[0] for rule in rules if rule.startswith("!")}
    assert not allowed & {"tests", "training", "tools", "deploy", ".git", ".venv", ".ci"}
    source = (root / "Dockerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.*) \S+$", source, re.MULTILINE)
    wanted = {path.split("/")[0] for line in copied for path in line.split()} - {"."}
    assert wanted <= allowed
