"""The result of a detector for one picture."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects in one picture, most confident first.

    Attributes:
        xyxy: `(N, 4)` float32 boxes `(x_min, y_min, x_max, y_max)` in pixels of the picture. They
            are not clipped: a box can extend slightly beyond the picture.
        confidence: `(N,)` float32 in `[0, 1]`.
        class_id: `(N,)` int64 indices into `names`.
        names: All classes of the detector.

    Raises:
        ValueError: The shapes disagree, or a value is out of range.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        xyxy = np.asarray(self.xyxy, dtype=np.float32)
        confidence = np.asarray(self.confidence, dtype=np.float32)
        class_id = np.asarray(self.class_id, dtype=np.int64)
        count = len(xyxy)
        if xyxy.shape != (count, 4):
            raise ValueError(f"`xyxy` must have shape (N, 4). Received: {xyxy.shape}")
        if confidence.shape != (count,) or class_id.shape != (count,):
            raise ValueError(
                "`confidence` and `class_id` must have shape (N,), one value for each of the "
                f"{count} boxes. Received: {confidence.shape} and {class_id.shape}"
            )
        if not np.isfinite(xyxy).all():
            raise ValueError("`xyxy` must be finite. Received NaN or infinity")
        # Written so that NaN fails too.
        if not ((confidence >= 0) & (confidence <= 1)).all():
            raise ValueError("`confidence` must lie in [0, 1]")
        if not ((class_id >= 0) & (class_id < len(self.names))).all():
            raise ValueError(
                f"`class_id` must lie in [0, {len(self.names)}), the indices of `names`"
            )
        for name, value in (("xyxy", xyxy), ("confidence", confidence), ("class_id", class_id)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "names", tuple(self.names))

    @classmethod
    def empty(cls, names: Sequence[str]) -> "Detections":
        """A result without objects, of a detector with the classes `names`."""
        return cls(
            np.empty((0, 4), np.float32),
            np.empty(0, np.float32),
            np.empty(0, np.int64),
            tuple(names),
        )

    @classmethod
    def of(cls, objects: Iterable[tuple[Sequence[float], str, float]]) -> "Detections":
        """A result of objects as `([x_min, y_min, x_max, y_max], label, confidence)`.

        `names` are the labels that occur.
        """
        rows = list(objects)
        names = tuple(sorted({label for _, label, _ in rows}))
        return cls(
            np.array([corners for corners, _, _ in rows], np.float32).reshape(-1, 4),
            np.array([confidence for _, _, confidence in rows], np.float32),
            np.array([names.index(label) for _, label, _ in rows], np.int64),
            names,
        )

    @property
    def labels(self) -> list[str]:
        """The class name of each object."""
        return [self.names[i] for i in self.class_id]

    def __len__(self) -> int:
        return len(self.xyxy)

    def __iter__(self) -> Iterator[tuple[list[int], str, float]]:
        """Each object as `([x_min, y_min, x_max, y_max], label, confidence)`."""
        corners: list[list[int]] = self.xyxy.astype(int).tolist()
        return zip(corners, self.labels, self.confidence.tolist(), strict=True)

    def __getitem__(self, index: slice | Sequence[int] | NDArray[np.generic]) -> "Detections":
        """The objects selected by a slice, by indices or by a boolean mask."""
        return Detections(
            self.xyxy[index], self.confidence[index], self.class_id[index], self.names
        )

    def above(self, confidence: float) -> "Detections":
        """The objects whose confidence exceeds `confidence`, in `[0, 1]`."""
        return self[self.confidence > confidence]

    def scaled(self, *, x: float, y: float) -> "Detections":
        """The same objects in a picture of another size.

        Args:
            x: How many times as wide it is.
            y: How many times as high it is.
        """
        xyxy = self.xyxy * np.array([x, y, x, y], np.float32)
        return Detections(xyxy, self.confidence, self.class_id, self.names)

    def count(self, label: str) -> int:
        """The number of objects of class `label`."""
        return self.labels.count(label)
