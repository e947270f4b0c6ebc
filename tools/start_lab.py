"""Start JupyterLab on the learner's copy of the first notebook, in this script's environment.

Options depend on the machine: Jupyter refuses to run as root unless it is told to, and looks for a
browser where there is no screen. Further arguments are passed on to Jupyter.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
# No dialogue about news on the first start, and no request for it: there may be no network.
DEFAULTS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}


def has_screen() -> bool:
    """Whether a browser can be shown; on Linux the session's variables say so."""
    has_display = bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    return sys.platform in ("darwin", "win32") or has_display


def set_defaults() -> None:
    """Write this environment's defaults for JupyterLab; its settings still override them."""
    overrides = Path(sys.prefix, "share", "jupyter", "lab", "settings", "overrides.json")
    if not overrides.exists():
        overrides.parent.mkdir(parents=True, exist_ok=True)
        overrides.write_text(json.dumps(DEFAULTS), "utf-8")


def is_root() -> bool:
    """Whether this is POSIX's superuser."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def run_instead(command: list[str]) -> int:
    """Replace this process by a command; Windows cannot, and waits for it.

    Returns:
        The command's exit status, on Windows.
    """
    if os.name != "nt":
        os.execv(command[0], command)
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:  # Ctrl-C reaches the command, too
        return 130


def main() -> int:
    """Start JupyterLab."""
    # Here, since lab.py imports this module before detectlab is installed.
    from detectlab.course.lab_copies import make_copies

    set_defaults()
    make_copies(FOLDER)
    command = [
        sys.executable,
        *("-m", "jupyterlab"),
        f"--ServerApp.root_dir={FOLDER}",
        "--LabApp.extension_manager=readonly",  # the default one sends requests to PyPI
        "--LabApp.default_url=/lab/tree/my-lab/notebooks/server.ipynb",
        "--MappingKernelManager.transport_encryption=auto",  # kernels warn of plain TCP
        *("--log-level=ERROR", "--LabApp.log_level=ERROR"),
    ]
    if is_root():
        command.append("--allow-root")
    if not has_screen():
        command.append("--no-browser")
    # Cells with `!detectlab` and Jupyter's terminals find this environment's commands first.
    binaries = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)])
    os.environ["VIRTUAL_ENV"] = sys.prefix
    print("Starting JupyterLab. Press Ctrl-C here to stop it.", flush=True)
    return run_instead([*command, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
