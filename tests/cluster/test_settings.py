"""What a cluster's file may say, and what is written from it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from detectlab.cli.cluster import app
from detectlab.cluster.config_files import as_yaml, serve_config
from detectlab.cluster.kuberay import manifests
from detectlab.cluster.settings import ClusterSettings, read_settings


def make(**changes: Any) -> ClusterSettings:
    return ClusterSettings.model_validate(
        {
            "detectors": {
                "nano": {},
                "nano-256": {
                    "model": "nano",
                    "input_size": 256,
                    "cpus": 2,
                    "memory_mb": 512,
                    "min_replicas": 2,
                },
            },
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param("detectors: {}", "`detectors`: Dictionary should have at least 1", id="none"),
        pytest.param("detectors: {gateway: {}}", "not `gateway`. Received: 'gateway'", id="ours"),
        pytest.param("detectors: {a b: {}}", "letters, digits", id="name"),
        pytest.param("detectors: {nano: {min_replicas: 9}}", "at least `min_replicas`", id="order"),
        pytest.param("detectors: {nano: {made_by: os}}", "should match pattern", id="made_by"),
        pytest.param("{detectors: {nano: {}}, ports: 1}", "`ports`: Extra inputs", id="extra"),
        pytest.param(
            "{detectors: {nano: {}}, gateway: {limits: {api_key: x}}}",
            "must be some of .*queue_size.* Received: api_key",
            id="limit",
        ),
        pytest.param(
            "{detectors: {nano: {}}, gateway: {limits: {workers: 0}}}",
            "greater than or equal to",
            id="limit-value",
        ),
        pytest.param(
            "{detectors: {nano: {}}, plan: {stable: {model: yolov3}}}",
            "`plan` names 'yolov3'; `detectors` has nano",
            id="plan",
        ),
        pytest.param("detectors: [", "is not YAML", id="yaml"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_place(
    tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(content)

    with pytest.raises(ValueError, match=told):
        read_settings(file)


def test_settings_name_the_detector_and_the_limits_that_are_not_said() -> None:
    settings = make(gateway={"limits": {"workers": 8}})

    assert settings.default == "nano"
    assert settings.detectors["nano"].model == "nano"
    assert settings.detectors["nano-256"].version.label == "nano@input_size=256"
    assert settings.gateway.limits == {"workers": 8, "queue_size": 64}


def test_nodes_here_claim_room_for_everything_twice() -> None:
    assert make(nodes=1).local_cpus >= 2 * (1 + 4 + 1)
    assert make(cpus_per_node=3).local_cpus == 3


def test_every_detector_is_an_application_without_an_address_and_the_gateway_has_it() -> None:
    config = serve_config(make(plan={"stable": {"model": "nano"}}))

    nano, small, gateway = config["applications"]
    assert [one["route_prefix"] for one in (nano, small, gateway)] == [None, None, "/"]
    assert small["args"]["version"] == {"model": "nano", "input_size": 256}
    assert gateway["args"]["detectors"] == {"nano": "nano", "nano-256": "nano"}
    assert gateway["deployments"][0]["user_config"]["plan"]["stable"] == {"model": "nano"}
    assert config["http_options"]["host"] == "127.0.0.1"
    for application in config["applications"]:
        (deployment,) = application["deployments"]
        assert deployment["max_surge_percent"] == 100
        assert deployment["max_queued_requests"] > 0
    assert small["deployments"][0]["ray_actor_options"] == {"num_cpus": 2, "memory": 512 << 20}


def test_config_is_written_from_the_example_and_reads_as_yaml(root: Path) -> None:
    example = root / "deploy" / "ray" / "cluster.yaml"

    result = CliRunner().invoke(app, ["config", str(example)], catch_exceptions=False)

    assert yaml.safe_load(result.output) == serve_config(read_settings(example))


@pytest.mark.parametrize(
    ("arguments", "name"), [([], "serve.yaml"), (["--kuberay"], "kuberay.yaml")]
)
def test_files_of_the_repository_are_those_that_config_writes(
    root: Path, arguments: list[str], name: str
) -> None:
    folder = root / "deploy" / "ray"

    result = CliRunner().invoke(
        app, ["config", str(folder / "cluster.yaml"), *arguments], catch_exceptions=False
    )

    assert result.output == (folder / name).read_text()


def test_kubernetes_gets_a_cluster_that_outlives_the_loss_of_a_node() -> None:
    service, budget = manifests(make(), "registry.example/detectlab:1")

    cluster = service["spec"]["rayClusterConfig"]
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] >= 2
    assert workers["maxReplicas"] >= workers["minReplicas"]
    for template in (cluster["headGroupSpec"]["template"], workers["template"]):
        (container,) = template["spec"]["containers"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert {"readinessProbe", "livenessProbe"} <= container.keys()
    labels = budget["spec"]["selector"]["matchLabels"].items()
    assert labels <= workers["template"]["metadata"]["labels"].items()
    inside = yaml.safe_load(service["spec"]["serveConfigV2"])
    assert inside["http_options"]["host"] == "0.0.0.0"
    assert "*" not in as_yaml([service])  # nothing refers back


def test_manifest_holds_what_its_schema_allows(root: Path) -> None:
    folder = root / "deploy" / "ray"
    validator = Draft202012Validator(json.loads((folder / "kuberay.schema.json").read_text()))
    service, budget = yaml.safe_load_all((folder / "kuberay.yaml").read_text())

    for document in (service, budget):
        validator.validate(document)
    service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["minReplica"] = 1
    assert not validator.is_valid(service)


def test_kubernetes_gets_the_ray_that_is_locked(root: Path) -> None:
    locked = (root / "requirements" / "scale.txt").read_text("utf-8")
    service, _ = manifests(make(), "registry.example/detectlab:1")

    version = service["spec"]["rayClusterConfig"]["rayVersion"]
    assert f"\nray=={version} " in locked
