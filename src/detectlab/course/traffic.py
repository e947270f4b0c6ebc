"""Load on a service from several clients, and a plot of the answers."""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from detectlab.client import DetectClient, RequestFailed, ServerBusy, ServerUnreachable

_POLL_S = 0.5


class Traffic:
    """Clients that send one picture after the other while a `with` block runs.

    Args:
        url: Address of the service.
        picture: Content of a picture file.
        clients: Number of concurrent clients.
        count: Returns the number of replicas, polled for the plot.
        attempts: Largest number of attempts for a picture, when there is no answer or the server
            is busy.
    """

    def __init__(
        self,
        url: str,
        picture: bytes,
        *,
        clients: int,
        count: Callable[[], int] | None = None,
        attempts: int = 1,
    ) -> None:
        self._client = DetectClient(url)
        self._picture = picture
        self._count = count
        self._attempts = attempts
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._answers: list[float] = []  # seconds since the start
        self._failures: list[tuple[float, str]] = []
        self._replicas: list[tuple[float, int]] = []
        self._marks: list[tuple[float, str]] = []
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        if count:
            self._threads.append(threading.Thread(target=self._poll_replicas, daemon=True))

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        """Number of answered requests."""
        return len(self._answers)

    @property
    def failed(self) -> int:
        """Number of failed requests."""
        return len(self._failures)

    @property
    def failures(self) -> dict[str, int]:
        """Number of failed requests for each reason."""
        return dict(Counter(why for _, why in self._failures))

    def rate(self, seconds: float = 5.0) -> float:
        """Answers a second in the last `seconds` seconds."""
        since = self._now() - seconds
        return sum(at > since for at in list(self._answers)) / seconds

    def mark(self, text: str) -> None:
        """Mark the present time in the plot, with a text."""
        self._marks.append((self._now(), text))

    def plot(self) -> bytes:
        """Plot of answers a second and replicas over time, as the content of a JPEG file."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 2.8), dpi=100, layout="constrained")
        axes = figure.subplots()
        end = max(1, int(self._now()))
        per_second = Counter(int(at) for at in list(self._answers))
        axes.bar(
            [second + 0.5 for second in range(end)],
            [per_second[second] for second in range(end)],
            width=0.9,
            color="#8fb8ae",
        )
        axes.set(xlabel="seconds", ylabel="answers a second")
        for at, _ in list(self._failures):
            axes.axvline(at, color="#b4513b", linewidth=1)
        top = max([5, *per_second.values()]) * 1.4
        axes.set_ylim(0, top)
        right = max(10, end)
        for number, (at, text) in enumerate(list(self._marks)):
            axes.axvline(at, color="#555555", linewidth=1, linestyle=":")
            # Alternate heights and, near the right end, the other side: texts overlap nothing.
            height, side = 0.98 - 0.09 * (number % 2), "right" if at > 0.8 * right else "left"
            axes.text(at, top * height, f" {text} ", fontsize=9, va="top", ha=side)
        self._plot_replicas(axes.twinx())
        axes.set_xlim(0, right)
        file = io.BytesIO()
        figure.savefig(file, format="jpg", pil_kwargs={"quality": 80})
        return file.getvalue()

    def _plot_replicas(self, axes: Any) -> None:
        seen = list(self._replicas)
        axes.step(
            [at for at, _ in seen], [count for _, count in seen], where="post", color="#54478c"
        )
        axes.set_ylabel("replicas", color="#54478c")
        axes.set_ylim(0, max([4, *(count for _, count in seen)]) * 1.4)
        axes.yaxis.get_major_locator().set_params(integer=True)

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _ask(self) -> None:
        while not self._stopping.is_set():
            why = self._ask_for_one()
            with self._lock:
                if why is None:
                    self._answers.append(self._now())
                else:
                    self._failures.append((self._now(), why))

    def _ask_for_one(self) -> str | None:
        """Reason of a failure, or `None` for an answer."""
        for attempt in range(1, self._attempts + 1):
            try:
                self._client.predict(self._picture)
                return None
            except RequestFailed as failure:
                may_help = isinstance(failure, ServerUnreachable | ServerBusy)
                if attempt == self._attempts or not may_help:
                    return f"status {failure.status}" if failure.status else "no answer"
        raise AssertionError("unreachable")

    def _poll_replicas(self) -> None:
        assert self._count
        while not self._stopping.wait(_POLL_S):
            try:
                count = self._count()
            except OSError:
                continue  # the next poll may succeed
            self._replicas.append((self._now(), count))
