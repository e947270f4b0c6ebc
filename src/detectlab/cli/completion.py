"""Names that the shell completes."""


def complete_detectors(incomplete: str) -> list[str]:
    """Detectors whose names begin with `incomplete`; in a list with commas, its last name."""
    from detectlab.models.registry import registry

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in registry() if name.startswith(last)]


def complete_own_detectors(incomplete: str) -> list[str]:
    """Added detectors whose names begin with `incomplete`."""
    from detectlab.models.registry import registry

    return [name for name, card in registry().items() if card.own and name.startswith(incomplete)]
