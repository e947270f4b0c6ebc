"""pyproject.toml, the locks, environment.yml and what Binder reads say the same."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import detectlab

LOCKED = {
    "api": [],
    "lab": ["lab"],
    "app": ["app"],
    "dev": ["lab", "app", "quantize", "dev"],
    "scale": ["scale"],
    "docs": ["docs"],
}


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def conda(root: Path) -> dict:
    return yaml.safe_load((root / "environment.yml").read_text("utf-8"))


def required(project: dict, extras: list[str]) -> dict[str, SpecifierSet]:
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {
        canonicalize_name(requirement.name): requirement.specifier
        for requirement in map(Requirement, lines)
    }


def test_version_is_the_newest_in_the_changelog(root: Path) -> None:
    headings = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text("utf-8"), re.M)

    headings = [heading for heading in headings if heading != "Unreleased"]
    assert headings[:1] == [detectlab.__version__]


@pytest.mark.parametrize("name", LOCKED)
def test_lock_holds_every_dependency_within_its_bounds(
    name: str, project: dict, locks: dict[str, dict[str, str]]
) -> None:
    lock = locks[name]

    for package, bounds in required(project, LOCKED[name]).items():
        assert package in lock, f"run `make lock`: requirements/{name}.txt has no {package}"
        assert bounds.contains(lock[package]), f"run `make lock`: {package} {lock[package]}"


@pytest.mark.parametrize(
    ("smaller", "larger"), [("api", "lab"), ("api", "app"), ("lab", "dev"), ("app", "dev")]
)
def test_lock_is_contained_in_the_larger_one(smaller: str, larger: str, root: Path) -> None:
    small, large = (
        set((root / "requirements" / f"{name}.txt").read_text("utf-8").splitlines())
        for name in (smaller, larger)
    )

    assert small <= large


@pytest.mark.parametrize("name", LOCKED)
def test_lock_has_hashes_and_no_addresses(name: str, root: Path) -> None:
    text = (root / "requirements" / f"{name}.txt").read_text("utf-8")

    pins = re.findall(r"^[^\s#-].*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M)
    assert len(pins) == len(re.findall(r"^[^\s#-]", text, re.M))
    assert "://" not in text
    assert "index-url" not in text


def test_conda_environment_has_the_names_and_bounds_of_the_lab(project: dict, conda: dict) -> None:
    *others, pip = conda["dependencies"]

    listed = {
        canonicalize_name(requirement.name): requirement.specifier
        for requirement in map(Requirement, pip["pip"])
    }
    assert listed == required(project, ["lab"])
    assert "pip" in others


def test_conda_environment_takes_a_supported_python(project: dict, conda: dict) -> None:
    python = conda["dependencies"][0].removeprefix("python=")

    assert SpecifierSet(project["requires-python"]).contains(python)
    assert f"Programming Language :: Python :: {python}" in project["classifiers"]


def test_binder_reads_a_copy_of_the_conda_environment(root: Path) -> None:
    assert (root / ".binder" / "environment.yml").read_bytes() == (
        root / "environment.yml"
    ).read_bytes()


def test_set_up_and_metadata_agree_on_the_supported_pythons(root: Path, project: dict) -> None:
    texts = [
        (root / "tools" / name).read_text("utf-8") for name in ("with_python.sh", "setup_env.py")
    ]

    bounds = {
        tuple(map(int, numbers))
        for text in texts
        for numbers in re.findall(
            r"\((\d), (\d+)\) <= sys.version_info\[:2\] <= \((\d), (\d+)\)", text
        )
    }
    assert len(bounds) == 1
    low_major, low, high_major, high = bounds.pop()
    assert project["requires-python"] == f">={low_major}.{low},<{high_major}.{high + 1}"
