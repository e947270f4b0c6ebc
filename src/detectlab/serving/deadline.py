"""Until when somebody waits for an answer."""

import time


class DeadlinePassed(RuntimeError):
    """The answer did not come in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"There was no answer within {seconds:g} s. Try a smaller picture, a faster detector, "
            "or later."
        )


class Deadline:
    """Until when an answer is wanted.

    Args:
        seconds: From now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    @property
    def remaining_s(self) -> float:
        """What is left, in seconds; 0 when it has passed or nobody waits any more."""
        return max(0.0, self._until - time.monotonic())

    def give_up(self) -> None:
        """Say that nobody waits any more, so that long work which looks here ends."""
        self._until = 0.0

    def check(self) -> None:
        """Raise `DeadlinePassed` when nothing is left."""
        if not self.remaining_s:
            raise DeadlinePassed(self.seconds)
