"""The cloud scripts, by what they print: nothing here reaches a cloud."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

SCRIPTS = ("push", "vm", "serverless", "clean_up")


@pytest.fixture
def dry_run(root: Path, tmp_path: Path) -> Any:
    """Runs a script with DRY_RUN=1 where the real tools would leave a trace; gives its commands."""
    for tool in ("gcloud", "docker"):
        fake = tmp_path / tool
        fake.write_text(f"#!/bin/sh\necho $0 $* >> {tmp_path}/called\n")
        fake.chmod(0o755)

    def run(name: str, **variables: str) -> str:
        done = subprocess.run(
            [root / "deploy" / "gcp" / f"{name}.sh"],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "DRY_RUN": "1", **variables},
        )
        assert not (tmp_path / "called").exists(), (tmp_path / "called").read_text()
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("name", SCRIPTS)
def test_dry_run_prints_commands_that_a_shell_takes(dry_run: Any, name: str) -> None:
    printed = dry_run(name, PROJECT="my-project", CALLERS="203.0.113.7/32")

    commands = re.findall(r"^(?:gcloud|docker) .*", printed, re.MULTILINE)
    assert commands
    for command in commands:
        subprocess.run(["sh", "-n", "-c", command], check=True)
        assert command.startswith("docker ") or "my-project" in command or "auth" in command


def test_script_without_a_project_says_what_to_set(root: Path) -> None:
    run = subprocess.run(
        [root / "deploy" / "gcp" / "push.sh"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "DRY_RUN": "1"},
    )

    assert run.returncode != 0
    assert "Set PROJECT to the id of your Google Cloud project" in run.stderr


def test_key_comes_from_the_secret_and_is_nowhere_in_clear(dry_run: Any) -> None:
    told = "".join(dry_run(name, PROJECT="p") for name in SCRIPTS)

    assert "--set-secrets DETECTLAB_API_KEY=detectlab-api-key:latest" in told
    assert "openssl rand -hex 24 | gcloud secrets versions add detectlab-api-key" in told
    assert not re.search(r"[0-9a-f]{40,}", told)


def test_machine_is_open_to_its_callers_and_to_ssh_through_the_proxy(dry_run: Any) -> None:
    printed = dry_run("vm", PROJECT="p", CALLERS="203.0.113.7/32")

    rules = re.findall(r"firewall-rules create .*", printed)
    assert [re.findall(r"--(?:allow|source-ranges) (\S+)", rule) for rule in rules] == [
        ["tcp:80,tcp:443", "203.0.113.7/32"],
        ["tcp:22", "35.235.240.0/20"],
    ]


def test_clean_up_deletes_everything_that_was_made(dry_run: Any) -> None:
    made = "".join(dry_run(name, PROJECT="p") for name in ("push", "vm", "serverless"))
    deleted = dry_run("clean_up", PROJECT="p")

    for kind, name in re.findall(r"^gcloud ([a-z -]+) (?:create|deploy) (\S+)", made, re.MULTILINE):
        kind = {"run": "run services"}.get(kind, kind)
        if kind == "iam service-accounts":
            name += "@p.iam.gserviceaccount.com"
        assert f"gcloud {kind} delete {name} " in deleted, (kind, name)


def test_machine_gets_the_files_as_they_stand(dry_run: Any, root: Path, tmp_path: Path) -> None:
    data = tmp_path / "user-data"
    dry_run("vm", PROJECT="my-project", KEEP_USER_DATA=str(data), TAG="abc", DOMAIN="a.example")

    text = data.read_text("utf-8")
    assert text.startswith("#cloud-config\n")
    assert not re.findall(r"@[A-Z_]+@", text)
    files = {entry["path"]: entry for entry in yaml.safe_load(text)["write_files"]}
    for there, here in {
        "compose.yaml": "compose.yaml",
        "deploy/proxy/compose.yaml": "deploy/proxy/compose.yaml",
        "deploy/proxy/detectlab.conf.template": "deploy/proxy/detectlab.conf.template",
        "make_certificates.sh": "deploy/proxy/make_certificates.sh",
    }.items():
        content = files[f"/opt/detectlab/{there}"]["content"]
        assert base64.b64decode(content) == (root / here).read_bytes()
    assert (
        "REGISTRY=europe-west1-docker.pkg.dev/my-project/detectlab/"
        in (files["/opt/detectlab/up.sh"]["content"])
    )


def test_scripts_of_the_machine_are_sound(dry_run: Any, tmp_path: Path) -> None:
    data = tmp_path / "user-data"
    dry_run("vm", PROJECT="p", KEEP_USER_DATA=str(data))

    for number, entry in enumerate(yaml.safe_load(data.read_text("utf-8"))["write_files"]):
        if entry["path"].endswith(".sh") and "encoding" not in entry:
            script = tmp_path / f"{number}.sh"
            script.write_text(entry["content"])
            check = [Path(sys.executable).parent / "shellcheck", script]
            run = subprocess.run(check, capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stdout


def test_lesson_quotes_commands_that_the_scripts_print(dry_run: Any, root: Path) -> None:
    page = (root / "docs" / "cloud.md").read_text("utf-8")
    quoted = re.findall(r"<!-- printed by (\w+)\.sh -->\n```\n(.*?)```", page, re.DOTALL)

    assert {name for name, _ in quoted} == set(SCRIPTS)
    for name, commands in quoted:
        printed = dry_run(name, PROJECT="my-project").splitlines()
        for command in commands.splitlines():
            assert any(line.startswith(command) for line in printed), command


def test_what_is_made_is_deleted_again(dry_run: Any) -> None:
    told = "".join(dry_run(name, PROJECT="my-project") for name in SCRIPTS)
    things = r"gcloud ([a-z -]+?) {verb} (\S+)"
    made = set(re.findall(things.format(verb="(?:create|deploy)"), told))

    deleted = set(re.findall(things.format(verb="delete"), told))
    made = {("run services" if kind == "run" else kind, name) for kind, name in made}
    assert len(made) >= 7
    assert {kind for kind, _ in made} <= {kind for kind, _ in deleted}


def test_machine_starts_the_unit_that_it_writes(root: Path) -> None:
    start = yaml.safe_load((root / "deploy" / "gcp" / "cloud-init.yaml").read_text("utf-8"))

    units = [Path(file["path"]).name for file in start["write_files"] if "systemd" in file["path"]]
    assert units
    for unit in units:
        assert f"systemctl enable --now {unit}" in start["runcmd"]
