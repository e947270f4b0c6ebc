"""The class names that a user gives."""

from pathlib import Path

_LONGEST_CLASS = 60  # the API takes no longer ones


def read_class_names(file: Path) -> tuple[str, ...]:
    """Read class names, one a line.

    Raises:
        ValueError: When there are none, or the file is no text.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{file.name} must be text in UTF-8, one class name a line.") from None
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise ValueError(f"{file.name} is empty: it must have one class name a line.")
    return tuple(names)


def check_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return class names that can be used.

    Raises:
        ValueError: When one is empty, too long, not printable, or stands twice.
    """
    for number, name in enumerate(names, 1):
        if not name or not name.isprintable() or len(name) > _LONGEST_CLASS:
            raise ValueError(
                f"every class must have a name of at most {_LONGEST_CLASS} signs. Received for "
                f"class {number}: {name[:_LONGEST_CLASS]!r}"
            )
        if name in names[: number - 1]:
            raise ValueError(f"every class must have a name of its own; {name!r} stands twice.")
    return names
