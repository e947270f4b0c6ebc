"""Facts about the Jupyter server that a kernel runs under."""

import html
import importlib.util
import json
import os
from pathlib import Path


def proxied_path(port: int) -> str | None:
    """Path of a port on this Jupyter's own address, or `None` without a proxy for ports."""
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or _jupyter_base_url()
    return f"{prefix.rstrip('/')}/proxy/{port}/" if prefix else None


def _jupyter_base_url() -> str | None:
    """Base URL of the Jupyter server that started this kernel, if it can proxy to a port."""
    parent = os.environ.get("JPY_PARENT_PID")
    if not parent or importlib.util.find_spec("jupyter_server_proxy") is None:
        return None
    from jupyter_core.paths import jupyter_runtime_dir

    # The file that `list_running_servers()` reads; importing jupyter_server would take 2 s.
    try:
        info = json.loads(Path(jupyter_runtime_dir(), f"jpserver-{parent}.json").read_text())
    except (OSError, ValueError):
        return None
    base_url = info.get("base_url")
    return base_url if isinstance(base_url, str) else None


def link(address: str) -> str:
    """HTML of a link that opens in a new tab."""
    address = html.escape(address)
    return f'<a href="{address}" target="_blank">{address}</a>'
