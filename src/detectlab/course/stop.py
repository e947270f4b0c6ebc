"""Stop a notebook with one sentence."""


class StopNotebook(Exception):
    """Ends "Run all" at a cell; Jupyter shows the message instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
