r"""Set up what is missing, then start JupyterLab: `make lab`, and its way without make.

    python tools/lab.py [ARGUMENT...]        py -3.12 tools\lab.py on Windows

Arguments are passed on to Jupyter. Only the standard library is used here.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        f"detectlab needs Python 3.11, 3.12 or 3.13, and this is {sys.version.split()[0]}: "
        "run this again with one of them."
    )

import setup_env
from start_lab import FOLDER, run_instead


def main() -> int:
    """Set up and start.

    Returns:
        The exit status of the step that failed, or of JupyterLab.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
        return 0
    failed = setup_env.main(["lab"])
    if failed:
        return failed
    python = setup_env.Environment(FOLDER).python
    return run_instead([str(python), str(FOLDER / "tools" / "start_lab.py"), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
