"""Parse Darknet configurations."""

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """One layer of a network, as its configuration describes it.

    Attributes:
        kind: Its name in brackets.
        options: Every `key=value` below it, without spaces.
        place: File name and line, for error messages.
    """

    kind: str
    options: dict[str, str]
    place: str

    def text(self, key: str, default: str) -> str:
        """Return an option as text.

        Args:
            key: Its name.
            default: Its value where it is not set.
        """
        return self.options.get(key, default)

    def integer(self, key: str, default: int | None = None) -> int:
        """Return an option as an integer.

        Args:
            key: Its name.
            default: Its value where it is not set; `None` makes it mandatory.

        Raises:
            ValueError: When it is missing, or not one number.
        """
        return int(self.number(key, default))

    def number(self, key: str, default: float | None = None) -> float:
        """Return an option as a number; arguments and errors as for `integer`.

        Args:
            key: Its name.
            default: Its value where it is not set; `None` makes it mandatory.
        """
        values = self.numbers(key, () if default is None else (default,))
        if len(values) != 1:
            raise self.wrong(f"`{key}` must be one number")
        return values[0]

    def integers(self, key: str) -> tuple[int, ...]:
        """Return a mandatory option as integers."""
        return tuple(int(value) for value in self.numbers(key))

    def numbers(self, key: str, default: tuple[float, ...] = ()) -> tuple[float, ...]:
        """Return an option as numbers.

        Args:
            key: Its name.
            default: Its value where it is not set; `()` makes it mandatory.

        Raises:
            ValueError: When it is missing, or an item is not a number.
        """
        written = self.options.get(key)
        try:
            values = default if written is None else tuple(map(float, _items(written)))
        except ValueError:
            raise self.wrong(f"`{key}` must be numbers. Received: {written!r:.60}") from None
        if not values:
            raise self.wrong(f"`{key}` is missing")
        if not all(map(math.isfinite, values)):
            raise self.wrong(f"`{key}` must be finite. Received: {written!r:.60}")
        return values

    def wrong(self, what: str) -> ValueError:
        """Return an error that names this section."""
        return ValueError(f"{self.place}: in [{self.kind}], {what}.")


def read_config(file: Path) -> tuple[Section, ...]:
    """Parse a network's configuration.

    Args:
        file: The `.cfg`.

    Returns:
        Its sections in order; the first describes the network, each other one a layer.

    Raises:
        ValueError: When the file does not exist, or is not a configuration.
    """
    if not file.is_file():
        raise ValueError(f"{file.name} does not exist.")
    sections: list[Section] = []
    for number, written in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
        line = "".join(written.split())
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            sections.append(Section(line[1:-1], {}, f"{file.name}, line {number}"))
        elif "=" in line and sections:
            key, _, value = line.partition("=")
            sections[-1].options[key] = value
        else:
            raise ValueError(
                f"{file.name}, line {number}: a Darknet configuration has [sections] and key=value "
                f"below them. Received: {written.strip()!r:.60}"
            )
    if len(sections) < 2 or sections[0].kind not in ("net", "network"):
        raise ValueError(
            f"{file.name} is no Darknet configuration: it must begin with [net] and have layers."
        )
    return tuple(sections)


def _items(written: str) -> list[str]:
    return [item for item in written.split(",") if item]
