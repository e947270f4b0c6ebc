"""`detectlab cluster`: the service on several machines."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from detectlab.cluster.dashboard import Dashboard
    from detectlab.cluster.local_nodes import Machine
    from detectlab.cluster.settings import ClusterSettings

app = typer.Typer(help="Run the service on several machines, with Ray Serve.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Argument(
        help="Settings of the cluster, as YAML; by default one detector on this machine."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Dashboard of a running cluster, http://HEAD:8265; by default this machine's."
    ),
]
Token = Annotated[
    str, typer.Option(envvar="RAY_AUTH_TOKEN", help="Token of that dashboard, where it needs one.")
]
_DEPLOY_S = 600.0


@app.command()
def config(
    file: File = None,
    kuberay: Annotated[
        bool, typer.Option("--kuberay", help="Write a RayService for Kubernetes instead.")
    ] = False,
    image: Annotated[
        str, typer.Option(help="For --kuberay: the container image with detectlab[scale].")
    ] = "detectlab-scale:latest",
) -> None:
    """Write Ray Serve's configuration: an application for each detector, and the gateway."""
    from detectlab.cluster.config_files import as_yaml, serve_config
    from detectlab.cluster.kuberay import manifests

    settings = _settings(file)
    documents = manifests(settings, image) if kuberay else [serve_config(settings)]
    typer.echo(as_yaml(documents).rstrip())


@app.command()
def up(file: File = None, address: Address = None, token: Token = "") -> None:
    """Start a cluster on this machine, or apply the file to a running one."""
    from detectlab.cluster.config_files import serve_config
    from detectlab.cluster.dashboard import Dashboard, wait_until_answering
    from detectlab.cluster.settings import GATEWAY

    settings = _settings(file)
    dashboard = Dashboard(address, token) if address else _start(settings).dashboard
    dashboard.deploy(serve_config(settings))
    typer.echo("Waiting until all replicas run...")
    dashboard.wait_until_running({*settings.detectors, GATEWAY}, _DEPLOY_S)
    if not address:
        host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
        wait_until_answering(f"http://{host}:{settings.port}", _DEPLOY_S)
    _show(dashboard)
    if not address:
        typer.secho(f"Listening on http://{settings.host}:{settings.port}/docs", bold=True)
        typer.echo("`detectlab cluster down` stops it.")


@app.command()
def status(address: Address = None, token: Token = "") -> None:
    """Show what runs, where, and what is wrong."""
    from detectlab.cluster.dashboard import ClusterError, Dashboard

    machine = None if address else _found()
    if machine is None and address is None:
        raise ClusterError(
            "no cluster of ours runs on this machine. `detectlab cluster up` starts one."
        )
    _show(machine.dashboard if machine else Dashboard(str(address), token))


@app.command()
def down() -> None:
    """Stop the cluster that `up` started on this machine."""
    machine = _found()
    if machine is None:
        typer.echo("No cluster of ours runs on this machine.")
        return
    machine.stop()
    _state_file().unlink(missing_ok=True)
    typer.echo("The cluster is stopped.")


def _settings(file: Path | None) -> "ClusterSettings":
    from detectlab.cluster.settings import ClusterSettings, DetectorSettings, read_settings
    from detectlab.models.files import default_model

    if file:
        return read_settings(file)
    return ClusterSettings(detectors={default_model(): DetectorSettings()})


def _start(settings: "ClusterSettings") -> "Machine":
    """The cluster of this machine, with as many nodes as the settings say."""
    from detectlab.cluster.local_nodes import Machine
    from detectlab.serving.auth import refuse_open_door
    from detectlab.settings import Settings

    if find_spec("ray") is None:
        raise ValueError('Ray is not installed: `pip install "detectlab[scale]"` does it.')
    known = Settings()
    has_key = known.api_key is not None
    refuse_open_door(settings.host, has_key=has_key, allowed=known.allow_open)
    machine = _found()
    if machine is None:
        typer.echo("Starting Ray on this machine...")
        machine = Machine.start(settings.local_cpus)
        machine.save(_state_file())
    while len(machine.nodes) < settings.nodes:
        machine.add_node(settings.local_cpus)
        machine.save(_state_file())
    return machine


def _found() -> "Machine | None":
    from detectlab.cluster.local_nodes import Machine

    return Machine.find(_state_file())


def _state_file() -> Path:
    from detectlab.settings import Settings

    return Settings().home / "cluster" / "machine.json"


def _show(dashboard: "Dashboard") -> None:
    nodes: dict[str, Any] = {
        node["node_id"]: f"node {number}" for number, node in enumerate(dashboard.nodes(), 1)
    }
    for one in dashboard.applications().values():
        colour = typer.colors.GREEN if one.state == "RUNNING" else typer.colors.YELLOW
        typer.secho(f"{one.name:<16} {one.state}", fg=colour, bold=True)
        for replica in one.replicas:
            where = nodes.get(replica.node, "no node")
            typer.echo(f"  {replica.id:<10} {replica.state:<10} {where}, process {replica.pid}")
        if one.message:
            typer.echo("  " + one.message.strip().splitlines()[-1][:300])
    typer.echo(f"{len(nodes)} node(s)")
