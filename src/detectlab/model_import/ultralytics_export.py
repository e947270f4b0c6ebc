"""Detectors that the ultralytics library fetches and exports; the only module that imports it.

Code and weights of that library are AGPL-3.0: nothing of it comes with detectlab.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from detectlab.model_import.add import add, check_name
from detectlab.models.atomic_files import WeightsError
from detectlab.models.card import ModelCard
from detectlab.models.files import how_to_have
from detectlab.settings import Settings


def export(card: ModelCard, settings: Settings | None = None) -> ModelCard:
    """Fetch a detector's weights and export them with the library; keep the result.

    Args:
        card: Of a detector with `library_weights`.
        settings: Where it is kept; by default the environment's.

    Returns:
        The card of what was kept: with its checksum, and that of the weights as they came.

    Raises:
        WeightsError: When the library is not installed, or could not fetch or export them.
    """
    settings = settings or Settings()
    check_name(card.name, settings)
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # it would install packages by itself
    try:
        import ultralytics
    except ModuleNotFoundError:
        raise WeightsError(how_to_have(card)) from None
    if settings.offline:
        raise WeightsError(f"{card.name} cannot be fetched, because DETECTLAB_OFFLINE is set.")
    assert card.library_weights is not None
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / card.library_weights
        try:
            exported = ultralytics.YOLO(str(weights)).export(
                format="onnx", imgsz=card.input_size, simplify=False
            )
            came = hashlib.sha256(weights.read_bytes()).hexdigest()
        except Exception as error:  # the library raises what it likes
            raise WeightsError(
                f"The ultralytics library could not fetch or export {card.library_weights}: "
                f"{error}. Check the connection and try again; or export it elsewhere, and "
                f"`detectlab models add {card.name} {card.weights.name}`."
            ) from error
        origin = (
            f"Exported by ultralytics {ultralytics.__version__} from {weights.name} with sha256 "
            f"{came}"
        )
        labels = Path(folder) / card.labels.name  # the names that our other detectors use
        labels.write_text("\n".join(card.classes), "utf-8")
        return add(
            card.name,
            [Path(exported)],
            labels,
            settings=settings,
            origin=origin,
            licence=card.licence,
        )
