"""A limit on how often each caller may call."""

import time
from collections import Counter

_PERIOD_S = 60.0


class TooManyCalls(RuntimeError):
    """The caller called too often.

    Attributes:
        retry_after_s: When the next call is allowed, in whole seconds.
    """

    def __init__(self, per_minute: int, retry_after_s: int) -> None:
        super().__init__(
            f"At most {per_minute} judgements a minute are taken. Send the next one in "
            f"{retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class RateLimit:
    """Counts the calls of each caller in periods of a minute.

    Its method must run on one event loop.

    Args:
        per_minute: How many calls of one caller are allowed.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._period = 0.0
        self._calls: Counter[str] = Counter()

    def check(self, caller: str) -> None:
        """Count a call.

        Raises:
            TooManyCalls: When it is one too many.
        """
        period, seconds = divmod(time.monotonic(), _PERIOD_S)
        if period != self._period:
            self._period = period
            self._calls.clear()
        self._calls[caller] += 1
        if self._calls[caller] > self._per_minute:
            raise TooManyCalls(self._per_minute, round(_PERIOD_S - seconds) + 1)
