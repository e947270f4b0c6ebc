"""The check of the composition: typical wrong files, and right ones of other forms."""

import re

import pytest

from detectlab.course.compose_checks import check_compose

RIGHT = """\
services:
  service:
    build: ../my-service
  page:
    build: .
    environment:
      SERVICE: http://service:8000
    depends_on:
      service:
        condition: service_healthy
    ports:
      - 127.0.0.1:8501:8501
"""
WAIT = RIGHT[RIGHT.index("    depends_on") : RIGHT.index("    ports")]
WRONG = [
    pytest.param("http://service:", "http://localhost:", "is that container itself", id="here"),
    pytest.param("http://service:", "http://127.0.0.1:", "is that container itself", id="loopback"),
    pytest.param("http://service:", "http://172.18.0.2:", "after the next start", id="address"),
    pytest.param("http://service:", "http://api:", "no service is called 'api'", id="other-name"),
    pytest.param("http://service:", "http://page:", "`page` would ask itself", id="itself"),
    pytest.param(":8000", ":80", "Yours asks at 80", id="port"),
    pytest.param("http://service:8000", "service:8000", "should be an address", id="no-http"),
    pytest.param("SERVICE:", "SERVER:", "from SERVICE. Set it under", id="variable"),
    pytest.param(WAIT, "", "may start before the service answers", id="no-wait"),
    pytest.param(WAIT, "    depends_on: [service]\n", "until the container *starts*", id="list"),
    pytest.param("service_healthy", "service_started", "does not ask for health", id="started"),
    pytest.param(
        "      service:\n        cond",
        "      page:\n        cond",
        "wait for `service`",
        id="waits-for-itself",
    ),
    pytest.param("    ports:\n      - 127.0.0.1:8501:8501\n", "", "cannot reach", id="closed"),
    pytest.param("8501:8501", "8501:80", "the number behind the last colon", id="streamlit"),
    pytest.param(
        "../my-service\n",
        '../my-service\n    ports: ["8000:8000"]\n',
        "opens the service to your whole network",
        id="open",
    ),
    pytest.param("    build: .\n", "", "`page` needs an image", id="no-image"),
    pytest.param(
        "    build: .\n",
        "    build: .\n    network_mode: host\n",
        "the machine's own network",
        id="host-network",
    ),
    pytest.param("build: ", "volumes: ['data:/data']\n    build: ", "both write to", id="shared"),
    pytest.param("../my-service", ".", "`service` is built from `../my-service`", id="own-folder"),
    pytest.param("../my-service", "my-service", "seen from my-page/", id="folder-below"),
    pytest.param("build: .\n", "build: ../my-service\n", "`page` is built from `.`", id="mixed-up"),
    pytest.param(
        "../my-service\n", "../my-service\n    depends_on: [page]\n", "waits for none", id="circle"
    ),
    pytest.param(
        "../my-service\n",
        "../my-service\n    networks: [inner]\n",
        "no network in common",
        id="net",
    ),
    pytest.param("ports:\n      - ", "ports: ", "`ports` of `page` is a list", id="no-list"),
    pytest.param("SERVICE: http", "SERVICE=http", "has lines such as `SERVICE: ", id="equals"),
    pytest.param("SERVICE: http", "- SERVICE: http", "has lines such as `SERVICE: ", id="dash"),
    pytest.param("http://service", "http://Service", "no service is called 'Service'", id="case"),
    pytest.param(":8000", ":8501", "Yours asks at 8501", id="published-port"),
    pytest.param("service_healthy", "healthy", "`healthy` does not ask for health", id="healthy"),
    pytest.param(
        "    ports:\n      - 127.0.0.1:8501:8501\n",
        "    expose: [8501]\n",
        "cannot reach",
        id="exposed",
    ),
    pytest.param("services:", "service:", "begins with `services:`", id="services"),
    pytest.param("  service:\n    build", "  service\n    build", "this is no YAML in", id="yaml"),
    pytest.param(RIGHT, "services: {page: {build: .}}", "two services belong here", id="one"),
    pytest.param(
        "    ports:\n",
        "    ports: ['80:8501']\n    ports:\n",
        "same place, in line 12",
        id="key-twice",
    ),
    pytest.param("  page:\n", "  service:\n", "`service` stands in line 2 and", id="service-twice"),
    pytest.param(
        "      SERVICE: http",
        "      SERVICE: http://service:8000\n      SERVICE: http",
        "`SERVICE` stands in line 7 and",
        id="variable-twice",
    ),
]
HEALTH = [
    pytest.param("{disable: true}", "is switched off", id="disabled"),
    pytest.param("{test: NONE}", "is switched off", id="none"),
    pytest.param("{test: [NONE], interval: 5s}", "is switched off", id="none-list"),
    pytest.param("off", "has lines such as `test: ...`", id="off"),
    pytest.param("{test: [curl, -f, 'http://localhost:8000']}", "begins with CMD", id="no-command"),
    pytest.param("{test: exit 0}", "`exit 0` always succeeds", id="succeeds"),
    pytest.param("{test: [CMD, 'true']}", "`true` always succeeds", id="true"),
    pytest.param("{test: [CMD-SHELL, 'exit 0']}", "`exit 0` always succeeds", id="shell"),
    pytest.param(
        "{test: 'curl -f http://localhost:80/health'}", "Its health check asks at 80", id="port"
    ),
    pytest.param(
        "{test: [CMD, curl, 'http://127.0.0.1:8501/health']}", "asks at 8501", id="page-port"
    ),
]


@pytest.mark.parametrize(("old", "new", "hint"), WRONG)
def test_composition_with_a_mistake_names_it(not_yet, old, new, hint):
    assert old in RIGHT

    assert hint in not_yet(check_compose, RIGHT.replace(old, new))


@pytest.mark.parametrize(("health", "hint"), HEALTH)
def test_health_check_that_cannot_tell_is_named(not_yet, health, hint):
    text = RIGHT.replace("../my-service\n", f"../my-service\n    healthcheck: {health}\n")

    assert hint in not_yet(check_compose, text)


@pytest.mark.parametrize("attempt", [pytest.param(None, id="none"), pytest.param({}, id="parsed")])
def test_composition_of_another_kind_is_said(verdict, attempt):
    assert "pass the text of the compose file" in verdict(check_compose, attempt)


OTHER = """
name: mine
services:
  web:
    image: page:1.0
    environment: ["SERVICE=http://api:8000/", "OTHER=1"]
    depends_on: {api: {condition: service_healthy, restart: true}}
    ports: [{target: 8501, published: 80}]
  api:
    image: my-detection-service
    ports: ["127.0.0.1:9000:8000"]
    volumes: ["cache:/cache"]
volumes: {cache: {}}
"""


LONGER = (
    RIGHT.replace("build: ../my-service", "build: {context: ../my-service/}\n    networks: [inner]")
    .replace("build: .\n", "build: ./\n    networks: {inner: {}, default: {}}\n")
    .replace("127.0.0.1:8501:8501", '"80:8501"')
)

HEALTHY = """
x-health: &health {interval: 5s, retries: 3}
services:
  page:
    build: .
    environment: {SERVICE: "http://service:8000"}
    depends_on: {service: {condition: service_healthy}}
    ports: ["8501:8501"]
    healthcheck: {disable: true}
  service:
    build: ../my-service
    healthcheck:
      <<: *health
      interval: 10s
      test: ["CMD", "python", "-c", "import requests; requests.get('http://localhost:8000/health')"]
"""


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(HEALTHY, id="health"),
        pytest.param(
            RIGHT.replace("-service\n", "-service\n    healthcheck: {interval: 5s}\n"),
            id="interval",
        ),
        pytest.param(RIGHT, id="usual"),
        pytest.param(OTHER, id="other"),
        pytest.param(LONGER, id="longer"),
    ],
)
def test_composition_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_compose, attempt).startswith("Correct. ")


def test_composition_of_the_lab_is_correct(root, verdict):
    source = (root / "src/detectlab/assets/own_page.txt").read_text("utf-8")
    text = re.search(r'COMPOSE = """\\\n(.*?)"""', source, re.DOTALL)[1]

    assert verdict(check_compose, text).startswith("Correct. ")
