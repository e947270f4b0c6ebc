"""Check of a learner's composition: a service and a page that asks it."""

import posixpath
import re
from collections.abc import Mapping
from typing import Any

import yaml

from detectlab.course.verdicts import NotYet, exercise_check, shown

_SERVICE_PORT, _PAGE_PORT = "8000", "8501"
_VARIABLE = "SERVICE"
_THIS_MACHINE = {"localhost", "127.0.0.1", "0.0.0.0", "::1", "host.docker.internal"}


@exercise_check
def check_compose(text: str) -> str:
    """Check a compose file with a service at port 8000 and a page at 8501."""
    services = _services(text)
    page, address = _page(services)
    service = _asked_service(services, page, address)
    _built_from(services[page], page, ".")
    _built_from(services[service], service, "../my-service")
    _starts_after(services[page], service)
    _health_is_asked(services[service], service)
    if "depends_on" in services[service]:
        raise NotYet(f"`{service}` waits for others, and the page for it: it waits for none")
    _published(services[page], services[service])
    _apart(services, page, service)
    return f"`{page}` asks `{service}` by its name, once that is healthy, and shares nothing else"


def _services(text: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(text, str):
        raise NotYet(f"pass the text of the compose file. Yours is {shown(text)}")
    try:
        _require_unique_keys(yaml.compose(text, yaml.SafeLoader))
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise NotYet(f"this is no YAML{where}: mind colons and indentation") from None
    services = content.get("services") if isinstance(content, dict) else None
    if not isinstance(services, dict):
        raise NotYet("a compose file begins with `services:`, and each service below it has a name")
    if len(services) != 2:
        raise NotYet(f"two services belong here, one for each program. Yours: {list(services)}")
    for name, service in services.items():
        if not isinstance(service, dict) or not {"build", "image"} & service.keys():
            raise NotYet(f"`{name}` needs an image: `build:` with its folder, or `image:`")
        for key in ("ports", "volumes"):
            if not isinstance(service.get(key, []), list):
                raise NotYet(f"`{key}` of `{name}` is a list: `- ` stands before each entry")
        _environment(name, service)
    return services


def _require_unique_keys(node: yaml.Node | None) -> None:
    """Engines refuse a key that stands twice in one place; the parser takes the last one."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _require_unique_keys(entry)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise NotYet(
                    f"`{name}` stands in line {seen[name]} and, at the same place, in line {line}. "
                    "Join the two"
                )
            seen[name] = line
            _require_unique_keys(value)


def _built_from(service: Mapping[str, Any], name: str, folder: str) -> None:
    """A service that is built is built from its own folder."""
    build = service.get("build")
    context = build.get("context") if isinstance(build, dict) else build
    if context is not None and posixpath.normpath(str(context)) != folder:
        raise NotYet(f"`{name}` is built from `{folder}`, seen from my-page/. Yours: {context}")


def _page(services: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """The service that asks the other one, and the address that it asks."""
    for name, service in services.items():
        if address := _environment(name, service).get(_VARIABLE):
            return name, address
    raise NotYet(
        f"the page reads the address of the service from {_VARIABLE}. Set it under `environment:`"
    )


def _environment(name: str, service: Mapping[str, Any]) -> dict[str, str]:
    given = service.get("environment") or {}
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        return dict(one.partition("=")[::2] for one in given)
    if not isinstance(given, dict):
        raise NotYet(
            f"`environment` of `{name}` has lines such as `{_VARIABLE}: http://...`, or a list of "
            f"`- {_VARIABLE}=http://...`"
        )
    return {str(key): str(value) for key, value in given.items()}


def _asked_service(services: Mapping[str, Any], page: str, address: str) -> str:
    match = re.fullmatch(r"(\w+)://([^:/]+)(?::(\d+))?/?", address)
    if match is None or match[1] != "http":
        raise NotYet(f"{_VARIABLE} should be an address such as http://name:8000. Yours: {address}")
    host, port = match[2], match[3] or "80"
    if host in _THIS_MACHINE:
        raise NotYet(
            "inside the page's container, the address of this machine is that container itself. "
            "Services reach each other by their names"
        )
    if re.fullmatch(r"[\d.]+", host):
        raise NotYet(f"{host} is another one after the next start. Take the service's name")
    if host == page:
        raise NotYet(f"`{page}` would ask itself. Take the name of the other service")
    if host not in services:
        raise NotYet(f"no service is called {host!r}. There are {', '.join(services)}")
    if port != _SERVICE_PORT:
        raise NotYet(
            f"inside the composition the service listens at {_SERVICE_PORT}, its container's port, "
            f"whatever is published. Yours asks at {port}"
        )
    return host


def _starts_after(page: Mapping[str, Any], service: str) -> None:
    given = page.get("depends_on")
    if given is None:
        raise NotYet("the page may start before the service answers. Say `depends_on:`")
    if isinstance(given, list | str):
        raise NotYet(
            "a list under `depends_on` waits until the container *starts*, not until it answers. "
            "Add `condition: service_healthy`"
        )
    condition = given.get(service) if isinstance(given, dict) else None
    if not isinstance(condition, dict):
        raise NotYet(f"the page should wait for `{service}`")
    if condition.get("condition") != "service_healthy":
        raise NotYet(
            f"`{condition.get('condition')}` does not ask for health: service_healthy does"
        )


def _health_is_asked(service: Mapping[str, Any], name: str) -> None:
    """A service that the page waits for has a health check that can succeed and can fail."""
    given = service.get("healthcheck")
    if given is None:
        return  # its Dockerfile has one
    if not isinstance(given, dict):
        raise NotYet(f"`healthcheck` of `{name}` has lines such as `test: ...`; or leave it out")
    test = given.get("test")
    words = [str(word) for word in test] if isinstance(test, list) else str(test or "").split()
    if given.get("disable") is True or words[:1] == ["NONE"]:
        raise NotYet(
            f"the health check of `{name}` is switched off, so it never becomes healthy, and the "
            "page waits for that. Leave `healthcheck:` out: your Dockerfile has one"
        )
    if isinstance(test, list) and words[:1] not in (["CMD"], ["CMD-SHELL"]):
        raise NotYet(f"a list under `test` begins with CMD or CMD-SHELL. Yours: {shown(test)}")
    command = [word for word in words if word not in ("CMD", "CMD-SHELL")]
    if command in (["true"], ["exit", "0"], ["exit 0"]) or command[:1] == ["echo"]:
        raise NotYet(f"`{' '.join(command)}` always succeeds: ask the service's /health")
    for port in re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)", " ".join(words)):
        if port != _SERVICE_PORT:
            raise NotYet(f"`{name}` listens at {_SERVICE_PORT}. Its health check asks at {port}")


def _ports(service: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Published ports as (address, port of the machine, port of the container)."""
    found = []
    for one in service.get("ports") or []:
        if isinstance(one, dict):
            found.append((one.get("host_ip", ""), one.get("published", ""), one.get("target", "")))
            continue
        *rest, inner = str(one).partition("/")[0].rsplit(":", 2)
        outer = rest[-1] if rest else ""
        found.append((rest[0] if len(rest) > 1 else "", outer, inner))
    return [(str(address), str(outer), str(inner)) for address, outer, inner in found]


def _published(page: Mapping[str, Any], service: Mapping[str, Any]) -> None:
    if not _ports(page):
        raise NotYet("people cannot reach the page: publish its port under `ports:`")
    if all(inner != _PAGE_PORT for _, _, inner in _ports(page)):
        raise NotYet(f"Streamlit listens at {_PAGE_PORT}: the number behind the last colon")
    for address, outer, inner in _ports(service):
        if address not in _THIS_MACHINE - {"0.0.0.0"}:
            raise NotYet(
                f"`{outer}:{inner}` opens the service to your whole network, past the page. Leave "
                "`ports:` out: the page reaches it inside, by its name"
            )


def _apart(services: Mapping[str, Mapping[str, Any]], page: str, service: str) -> None:
    for name in (page, service):
        if services[name].get("network_mode") == "host":
            raise NotYet(f"`{name}` takes the machine's own network: then names do not work")
        if services[name].get("privileged"):
            raise NotYet(f"`{name}` is privileged, which nothing here needs")
    networks = [set(services[name].get("networks") or ["default"]) for name in (page, service)]
    if not networks[0] & networks[1]:
        raise NotYet("the two have no network in common, and do not find each other by name")
    sources = [_sources(services[name]) for name in (page, service)]
    if shared := sources[0] & sources[1]:
        raise NotYet(
            f"both write to {', '.join(sorted(shared))}. The page needs nothing of the service but "
            "its answers"
        )


def _sources(service: Mapping[str, Any]) -> set[str]:
    """Volumes and folders that a service mounts."""
    volumes = service.get("volumes") or []
    named = (one.get("source") if isinstance(one, dict) else one for one in volumes)
    return {str(one).partition(":")[0] for one in named}
