"""What an environment should hold, and what its stamp says that it holds."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

STAMP = "setup.json"


@dataclass(frozen=True)
class Stamp:
    """What an environment holds: `pins` are lines of locks, `project` is a digest."""

    folder: str
    ready: bool
    pins: tuple[str, ...] = ()
    project: str = ""
    opencv_works: bool = False


def read_stamp(environment: Path) -> Stamp | None:
    """Return the stamp of an environment; one that cannot be read is not ready."""
    try:
        fields = json.loads((environment / STAMP).read_text("utf-8"))
        return Stamp(**{**fields, "pins": tuple(fields["pins"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError):
        return Stamp("", ready=False)


def write_stamp(environment: Path, stamp: Stamp) -> Stamp:
    """Write the stamp, whole or not at all, and return it."""
    new = environment / f"{STAMP}.new"
    new.write_text(json.dumps(asdict(stamp), indent=1), "utf-8")
    new.replace(environment / STAMP)
    return stamp


def read_lock(path: Path) -> dict[str, str]:
    """Return the lock's requirements: from `name==version` to the whole text."""
    blocks = re.findall(r"^\S.*?(?<!\\)\n", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return {block.split()[0]: block for block in blocks if block[0] != "#"}


def package_name(pin: str) -> str:
    """Return the name in `name==version`."""
    return pin.split("==")[0]


def project_digest(folder: Path) -> str:
    """Return a digest of what the installed project was made from: its metadata and version."""
    files = [folder / "pyproject.toml", *sorted(folder.glob("src/*/__init__.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
