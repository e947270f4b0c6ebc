"""Start JupyterLab on the first notebook, from the environment that runs this script.

What Jupyter needs to hear on an unusual machine is found out here: it refuses to run as root
unless told, and looks for a browser where there is no screen. More arguments go on to Jupyter.
"""

import json
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
# No question about news over a learner's first look, and no calls home: the network may be cut.
DEFAULTS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}


def has_screen() -> bool:
    """Say whether a browser could show anything; on Linux the session's variables tell."""
    return sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def set_defaults() -> None:
    """Give this environment's JupyterLab other defaults, which a learner may still change."""
    overrides = Path(sys.prefix, "share", "jupyter", "lab", "settings", "overrides.json")
    if not overrides.exists():
        overrides.parent.mkdir(parents=True, exist_ok=True)
        overrides.write_text(json.dumps(DEFAULTS), "utf-8")


def main() -> None:
    """Become JupyterLab."""
    set_defaults()
    command = [
        sys.executable,
        *("-m", "jupyterlab"),
        f"--ServerApp.root_dir={FOLDER}",
        "--LabApp.extension_manager=readonly",  # the other one asks the internet
        "--LabApp.default_url=/lab/tree/notebooks/server.ipynb",
        *("--log-level=ERROR", "--LabApp.log_level=ERROR"),
    ]
    if os.geteuid() == 0:
        command.append("--allow-root")
    if not has_screen():
        command.append("--no-browser")
    # `!detectlab` in a cell and Jupyter's terminals find this environment's commands first.
    binaries = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)])
    os.environ["VIRTUAL_ENV"] = sys.prefix
    print("Starting JupyterLab. Press Ctrl-C here to stop it.", flush=True)
    os.execv(sys.executable, [*command, *sys.argv[1:]])


if __name__ == "__main__":
    main()
