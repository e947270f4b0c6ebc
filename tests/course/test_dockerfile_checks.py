"""The check of the Dockerfile: typical wrong ones, right ones of other forms, and its parser."""

import pytest

from detectlab.course import linting
from detectlab.course.dockerfile import read_stages
from detectlab.course.dockerfile_checks import check_dockerfile
from detectlab.course.own_files import labs

OWN = labs("own_service")
DOCKERFILE = OWN.DOCKERFILE

HEALTH = DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") : DOCKERFILE.index("CMD [")]
WRONG = [
    pytest.param("python:3.11-slim-bookworm", "python:latest", "moves to a new", id="latest"),
    pytest.param("python:3.11-slim-bookworm", "python", "has no tag", id="no-tag"),
    pytest.param("python:3.11-slim-bookworm", "python:3", "moves to a new", id="major-only"),
    pytest.param("python:3.11-slim-bookworm", "debian:12.1", "has no Python", id="no-python"),
    pytest.param("slim-bookworm", "alpine", "has a C library that OpenCV has no", id="alpine"),
    pytest.param("COPY requirements.txt .", "COPY . .", "installs everything anew", id="all-first"),
    pytest.param("COPY requirements.txt .\n", "", "is not there yet", id="not-copied"),
    pytest.param("COPY app.py nano.cfg nano.weights ./\n", "", "the code is missing", id="no-code"),
    pytest.param("RUN pip install", "# pip install", "nothing installs req", id="commented"),
    pytest.param("--no-cache-dir ", "", "Say `--no-cache-dir`", id="cache"),
    pytest.param("USER 10001\n", "", "it runs as root", id="root"),
    pytest.param("USER 10001", "USER root", "`USER root` is root", id="named-root"),
    pytest.param("USER 10001\n", "USER 10001\nRUN chmod +x .\n", "has no rights", id="run-late"),
    pytest.param("EXPOSE 8000\n", "", "`EXPOSE 8000`", id="no-port"),
    pytest.param("EXPOSE 8000", "EXPOSE 80", "EXPOSE says 80", id="other-port"),
    pytest.param('"0.0.0.0"', '"127.0.0.1"', "listens at 127.0.0.1", id="loopback"),
    pytest.param(', "--host", "0.0.0.0"', "", "listens at 127.0.0.1", id="no-host"),
    pytest.param('"--port", "8000"', '"--port", "80"', "CMD listens at 80", id="command-port"),
    pytest.param(
        'CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]',
        "CMD uvicorn app:app --host 0.0.0.0",
        "runs in a shell",
        id="shell-form",
    ),
    pytest.param("app:app", "app.py", "should start uvicorn with `app:app`", id="file"),
    pytest.param('CMD ["uvicorn"', '# CMD ["uvicorn"', "nothing is started", id="no-command"),
    pytest.param(HEALTH, "", "is it alive?", id="no-health"),
    pytest.param(HEALTH, "HEALTHCHECK NONE\n", "is it alive?", id="health-none"),
    pytest.param(
        HEALTH,
        "HEALTHCHECK CMD curl -f http://127.0.0.1:8000/health\n",
        "has no curl",
        id="no-curl",
    ),
    pytest.param("8000/health", "8080/health", "should ask at port 8000", id="health-port"),
    pytest.param("pip install --no", "pip install jupyter --no", "needs no jupyter", id="jupyter"),
    pytest.param(
        "app.py nano.cfg nano.weights", "app.py", "nothing copies nano.cfg", id="app-only"
    ),
    pytest.param("app.py nano.cfg", "nano.cfg", "nothing copies app.py", id="no-app"),
    pytest.param("COPY req", "USER 10001\nCOPY req", "has no rights. Put USER behind", id="early"),
    pytest.param("-r requirements.txt", "-r requirements.txt requests", "no version", id="more"),
    pytest.param('"8000"]', '"8000", "--reload"]', "`--reload` watches files", id="reload"),
    pytest.param("8000/health", "8000/healthz", "with /health in it", id="other-endpoint"),
    pytest.param("8000/health", "8000/", "with /health in it", id="health-of-the-root"),
    pytest.param(
        'CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]',
        "CMD ['uvicorn', 'app:app', '--host', '0.0.0.0']",
        "texts in it have double quotes",
        id="single-quotes",
    ),
    pytest.param("FROM", "FORM", "line 1: 'FORM' is no instruction", id="typing-error"),
    pytest.param(DOCKERFILE, "", "a Dockerfile begins with FROM", id="empty"),
    pytest.param(DOCKERFILE, "RUN true", "line 1: a Dockerfile begins with FROM", id="no-from"),
]


@pytest.mark.parametrize(("old", "new", "hint"), WRONG)
def test_dockerfile_with_a_mistake_names_it(not_yet, old, new, hint):
    assert old in DOCKERFILE

    assert hint in not_yet(check_dockerfile, DOCKERFILE.replace(old, new))


@pytest.mark.parametrize("attempt", [pytest.param(None, id="none"), pytest.param([], id="list")])
def test_dockerfile_of_another_kind_is_said(verdict, attempt):
    assert "pass the text of the Dockerfile" in verdict(check_dockerfile, attempt)


CACHE = "/".join(["", "root", ".cache", "pip"])  # pip's, in the image
TWO_STAGES = f"""
ARG VERSION=3.12
FROM docker.io/library/python:${{VERSION}}-slim AS built
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /venv \\
    # as small as it gets
    && /venv/bin/pip install --no-cache-dir -r requirements.txt
FROM python:${{VERSION}}-slim
COPY --from=built /venv /venv
WORKDIR /app
COPY . .
RUN useradd --uid 10001 detector
USER detector:detector
EXPOSE 8000/tcp
{HEALTH}
ENTRYPOINT ["/venv/bin/uvicorn", "app:app"]
CMD ["--host=0.0.0.0", "--port=8000"]
"""


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(DOCKERFILE, id="one-stage"),
        pytest.param(TWO_STAGES, id="two-stages"),
        pytest.param(
            DOCKERFILE.replace("RUN pip", "ENV PIP_NO_CACHE_DIR=1\nRUN pip")
            .replace("--no-cache-dir ", "")
            .replace("app.py nano.cfg nano.weights ./", "--chown=10001 app.py ./nano.* /app/"),
            id="variable-and-pattern",
        ),
        pytest.param(
            DOCKERFILE.replace("RUN pip", f"RUN --mount=type=cache,target={CACHE} pip")
            .replace("--no-cache-dir ", "")
            .replace("COPY app.py", "COPY app.py .\nCOPY")
            .replace("USER", "USER app\nUSER root\nRUN id -u\nUSER"),
            id="mount-and-two-copies",
        ),
        pytest.param(
            DOCKERFILE.replace("pip install --no-cache-dir", "uv pip install --system --no-cache"),
            id="uv",
        ),
    ],
)
def test_dockerfile_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_dockerfile, attempt).startswith("Correct. ")


def test_dockerfile_is_checked_where_hadolint_is_missing(monkeypatch, verdict):
    monkeypatch.setattr(linting, "find_program", lambda name: None)

    assert verdict(check_dockerfile, DOCKERFILE).startswith("Correct. ")


def test_finding_of_hadolint_is_the_hint(verdict):
    if linting.find_program("hadolint") is None:
        pytest.skip("hadolint is not installed")

    said = verdict(check_dockerfile, DOCKERFILE.replace("WORKDIR /app", "WORKDIR app"))

    assert "hadolint finds: line 2, DL3000" in said


def test_stages_are_read_with_names_arguments_and_lines():
    first, second = read_stages(TWO_STAGES)

    assert (first.base, first.name) == ("docker.io/library/python:3.12-slim", "built")
    assert [one.name for one in first.instructions] == ["WORKDIR", "COPY", "RUN"]
    assert first.all("RUN")[0].value.endswith("-r requirements.txt")
    assert second.last("CMD").words == ["--host=0.0.0.0", "--port=8000"]
    assert second.last("USER").line == 14


def test_unfinished_line_is_said():
    with pytest.raises(ValueError, match="line 2: nothing follows"):
        read_stages("FROM a:1.0\nRUN true \\\n")
