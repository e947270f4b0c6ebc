"""Contender of a comparison: a detector at an input size."""

from dataclasses import dataclass

from detectlab.models.files import locate
from detectlab.models.registry import get_card


@dataclass(frozen=True)
class Contender:
    """A detector at an input size.

    Attributes:
        model: Name of the detector in the registry.
        input_size: Side of the square input, in pixels; `None` for the detector's own.
    """

    model: str
    input_size: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Contender":
        """Read `NAME`, or `NAME@SIDE` for another input size.

        Raises:
            ValueError: No detector has this name, or the side is no multiple of 32.

        >>> Contender.parse("nano@416")
        Contender(model='nano', input_size=416)
        """
        card = get_card(text.strip())
        name, at, _ = card.name.partition("@")
        return cls(name, card.input_size if at else None)

    @property
    def name(self) -> str:
        """The text that `parse` reads."""
        return f"{self.model}@{self.input_size}" if self.input_size else self.model

    @property
    def side(self) -> int:
        """Side of the input, in pixels."""
        return self.input_size or get_card(self.model).input_size

    @property
    def file_bytes(self) -> int:
        """Size of the network's files, without the list of classes."""
        files = locate(self.model)
        present = [file for file in (files.config, files.weights) if file and file.is_file()]
        return sum(file.stat().st_size for file in present)
