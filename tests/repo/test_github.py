"""What GitHub reads: workflows, and the citation. `make check` holds them to their schemas."""

import re
from pathlib import Path

import pytest
import yaml

import detectlab

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_pins_every_action_by_commit(path: Path) -> None:
    actions = re.findall(r"uses: (.*)", path.read_text("utf-8"))

    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_may_write_nothing_that_a_job_does_not_ask_for(path: Path) -> None:
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {"contents": "read"}


def test_tests_workflow_names_folders_and_versions_that_exist(root: Path) -> None:
    text = (root / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    classifiers = (root / "pyproject.toml").read_text("utf-8")

    folders = set(re.findall(r"tests/\w+", text))
    assert {"tests/vision", "tests/serving", "tests/model"} <= folders
    assert all((root / folder).is_dir() for folder in folders)
    versions = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', classifiers)
    assert jobs["linux"]["strategy"]["matrix"]["python"] == versions
    assert "bash .ci/run" in text


def test_citation_names_the_version_of_the_package(root: Path) -> None:
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))

    assert citation["version"] == detectlab.__version__
