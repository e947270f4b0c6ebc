"""Calibrated networks: a network in int8, in one file with what was measured of it."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_GRAPH, _WEIGHTS, _MEASURED = "network.xml", "network.bin", "measured.json"
# The same content gives the same file.
_WRITTEN = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Calibration:
    """A network in int8, which takes uint8 BGR pixels.

    Attributes:
        graph: Its description, as OpenVINO's XML.
        weights: Its weights.
        measured: What it costs in accuracy and gains in time, as JSON values.
    """

    graph: bytes
    weights: bytes
    measured: Mapping[str, Any]

    def as_bytes(self) -> bytes:
        """The content of its file, which `read_calibration` reads."""
        content = io.BytesIO()
        measured = json.dumps(self.measured, indent=1).encode()
        parts = {_GRAPH: self.graph, _WEIGHTS: self.weights, _MEASURED: measured}
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in parts.items():
                file.writestr(zipfile.ZipInfo(name, _WRITTEN), data, zipfile.ZIP_DEFLATED)
        return content.getvalue()


def read_calibration(file: Path) -> Calibration:
    """Read a calibrated network.

    Raises:
        ValueError: When the file is damaged.
    """
    try:
        with zipfile.ZipFile(file) as content:
            graph, weights = content.read(_GRAPH), content.read(_WEIGHTS)
            return Calibration(graph, weights, json.loads(content.read(_MEASURED)))
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, ValueError) as error:
        raise _damaged(file) from error


def read_measured(file: Path) -> Mapping[str, Any]:
    """Read what was measured of a calibrated network, without the network.

    Raises:
        ValueError: When the file is damaged.
    """
    try:
        with zipfile.ZipFile(file) as content:
            return dict(json.loads(content.read(_MEASURED)))
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, ValueError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> ValueError:
    return ValueError(
        f"{file.name} is damaged. Delete it, and calibrate again with `detectlab models quantize`."
    )
