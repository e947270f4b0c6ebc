"""Reading a Dockerfile: its instructions, stage by stage."""

import json
import re
from dataclasses import dataclass, field

_KNOWN = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)


@dataclass(frozen=True)
class Instruction:
    """A line of a Dockerfile.

    Attributes:
        name: `FROM`, `RUN` and so on.
        value: What follows, on one line, with the arguments inserted.
        line: Its number in the file, from 1.
    """

    name: str
    value: str
    line: int

    @property
    def words(self) -> list[str]:
        """Its words: of the JSON form, or as a shell would split them, without quotes."""
        if self.is_json:
            return [str(word) for word in json.loads(self.value)]
        return [word.strip("\"'") for word in self.value.split()]

    @property
    def is_json(self) -> bool:
        """Whether it has the form `["word", ...]`, which needs no shell."""
        try:
            return isinstance(json.loads(self.value), list)
        except ValueError:
            return False


@dataclass
class Stage:
    """What lies between one `FROM` and the next.

    Attributes:
        base: The image that it begins with.
        name: Its name for later stages, or an empty text.
        instructions: What follows.
    """

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, *names: str) -> list[Instruction]:
        """The instructions of these names, in order."""
        return [one for one in self.instructions if one.name in names]

    def last(self, *names: str) -> Instruction | None:
        """The one that holds: a later one replaces an earlier one."""
        return next(reversed(self.all(*names)), None)


def read_stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile.

    Args:
        text: Its content.

    Raises:
        ValueError: A line is no instruction, or comes before the first `FROM`.
    """
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for instruction in _instructions(text):
        if instruction.name == "ARG":
            name, _, value = instruction.value.partition("=")
            arguments.setdefault(name.strip(), value.strip().strip("\"'"))
            continue
        if instruction.name == "FROM":
            words = [w for w in _filled(instruction.value, arguments).split() if w[:2] != "--"]
            if not words:
                raise ValueError(f"line {instruction.line}: FROM needs an image")
            stages.append(Stage(words[0], words[2] if len(words) > 2 else ""))
        elif not stages:
            raise ValueError(f"line {instruction.line}: a Dockerfile begins with FROM")
        else:
            value = _filled(instruction.value, arguments)
            stages[-1].instructions.append(Instruction(instruction.name, value, instruction.line))
    if not stages:
        raise ValueError("a Dockerfile begins with FROM")
    return stages


def _instructions(text: str) -> list[Instruction]:
    found: list[Instruction] = []
    begun, begun_at = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        begun_at = begun_at or number
        begun += stripped.removesuffix("\\").rstrip() + " "
        if stripped.endswith("\\"):
            continue
        name, _, value = begun.strip().partition(" ")
        if name.upper() not in _KNOWN:
            raise ValueError(f"line {begun_at}: {name!r} is no instruction of a Dockerfile")
        found.append(Instruction(name.upper(), value.strip(), begun_at))
        begun, begun_at = "", 0
    if begun:
        raise ValueError(f"line {begun_at}: nothing follows the last `\\`")
    return found


def _filled(value: str, arguments: dict[str, str]) -> str:
    return re.sub(
        r"\$(?:(\w+)|\{(\w+)\})",
        lambda match: arguments.get(match[1] or match[2], match[0]),
        value,
    )
