"""Decode pictures: in this thread where the header bounds the cost, in a child process elsewhere.

That holds for a baseline JPEG, a PNG and a lossy WebP. For everything else the header gives an
estimate, and the process that decodes it is ended when it takes longer or needs more memory.
"""

import logging
import os
import signal
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from detectlab.serving.child_process import ChildProcess
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.decode_replies import failure, picture_of
from detectlab.serving.errors import Refusal, refused_picture
from detectlab.serving.sent_file import SentFile
from detectlab.vision.headers.base import Header
from detectlab.vision.images import (
    KINDS,
    ImageError,
    Picture,
    check_header,
    decode_checked,
    shrink_for,
)

logger = logging.getLogger(__name__)

_MODULE = "detectlab.serving.decode_process"
_START_TIMEOUT_S = 60.0
# A server that ends sooner needs no spare.
_SPARE_AFTER_S = 1.0
NICENESS = 15
# Beyond that, a picture may take a worker for more than about 50 ms.
_COSTLY_BYTES, _COSTLY_UNPACKED_BYTES = 8 << 20, 48 << 20
# Processor time for a picture: a progressive JPEG of 40 megapixels takes 0.7 to 0.9 s.
_SECONDS, _SECONDS_PER_PIXEL = 0.3, 27e-9
_HAS_PROCESSOR_LIMIT = hasattr(signal, "setitimer")
# Elapsed for processor time, where the process cannot bound that itself.
_ELAPSED_PER_PROCESSOR_S = 4.0


@dataclass(frozen=True, eq=False)
class Upload:
    """A received picture.

    Attributes:
        data: Its file.
        header: Its header, checked.
        decoder: Decodes it.
        shrink: By how much its sides shrink while it is decoded.
    """

    data: bytes
    header: Header
    decoder: "PictureDecoder"
    shrink: int = 1

    @property
    def memory_bytes(self) -> int:
        """An upper estimate of what it takes until it is answered, in all processes."""
        # The pixels may be here and, until all have been sent, in the process that decoded them.
        pixels = 0 if self.header.is_plain else self.header.width * self.header.height
        return max(self.header.memory_bytes // self.shrink**2, 6 * pixels)

    @property
    def is_costly(self) -> bool:
        """Whether it may take a worker for long, or much memory."""
        header = self.header
        is_large = self.memory_bytes > _COSTLY_BYTES
        return is_large or not header.is_plain or header.unpacked_bytes > _COSTLY_UNPACKED_BYTES

    def decode(self, deadline: Deadline) -> Picture:
        """The decoded picture; raises as `PictureDecoder.decode` does."""
        return self.decoder.decode(self.data, self.header, deadline, self.shrink)


class PictureDecoder:
    """Decodes pictures, with a spare process for those of unbounded cost.

    Thread-safe. Processes start when they are needed, the spare soon after `open`.

    Args:
        max_processes: How many run at once.
        max_pixels: Maximum of width x height.
    """

    def __init__(self, max_processes: int, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._free = threading.Semaphore(max_processes)
        self._starter = ThreadPoolExecutor(1, "starter")  # children inherit its normal priority
        self._lock = threading.Lock()  # guards what follows
        self._idle: deque[ChildProcess] = deque()
        self._processes: set[ChildProcess] = set()
        self._is_open = True
        self._spare_timer: threading.Timer | None = None

    def open(self) -> None:
        """Start a spare process, soon."""
        with self._lock:
            self._is_open = True
        self._starter.submit(int)  # starts its thread, with the priority of this one
        self._spare_timer = threading.Timer(_SPARE_AFTER_S, self._start_spare)
        self._spare_timer.daemon = True
        self._spare_timer.start()

    def close(self) -> None:
        """End all processes; a later picture starts a new one."""
        if self._spare_timer:
            self._spare_timer.cancel()
        with self._lock:
            self._is_open = False
            processes = list(self._processes)
            self._processes.clear()
            self._idle.clear()
        for process in processes:
            process.end()

    def read(self, file: SentFile, input_size_wh: tuple[int, int] | None = None) -> Upload:
        """Check a picture's header, in a few milliseconds at most.

        Args:
            file: The file.
            input_size_wh: Width and height of the network's input where the picture may shrink to
                a size that is enough for it.

        Raises:
            ImageError: When it is no picture, or one that may not be decoded.
        """
        try:
            header = check_header(file.data, self._max_pixels)
        except ImageError as error:
            if error.reason == "unrecognised" and file.claims_another_kind:
                raise ImageError(
                    f"This file is not a picture. Send one in {KINDS}.", "unsupported"
                ) from None
            raise
        shrink = shrink_for(header, input_size_wh) if input_size_wh else 1
        return Upload(file.data, header, self, shrink)

    def read_or_refuse(
        self, file: SentFile | Refusal, input_size_wh: tuple[int, int] | None = None
    ) -> Upload | Refusal:
        """As `read`, with the refusal of a picture that may not be decoded as its result.

        Args:
            file: The file, or why it was refused already.
            input_size_wh: As for `read`.
        """
        if isinstance(file, Refusal):
            return file
        try:
            return self.read(file, input_size_wh)
        except ImageError as error:
            return refused_picture(error)

    def decode(self, data: bytes, header: Header, deadline: Deadline, shrink: int = 1) -> Picture:
        """Decode a picture; blocks.

        Args:
            data: The file.
            header: Of this file, from `read`.
            deadline: A process that has not decoded it then is ended.
            shrink: As `shrink_for` gives it; 1 for the whole picture.

        Raises:
            ImageError: When it is damaged, or costs far more than a picture of its size.
            DeadlinePassed: When it took longer than the deadline.
        """
        if header.is_plain:
            return decode_checked(data, header, shrink)
        if not self._free.acquire(timeout=deadline.remaining_s):
            raise DeadlinePassed(deadline.seconds)
        try:
            return self._decode_in_process(data, header, deadline)
        finally:
            self._free.release()

    def _decode_in_process(self, data: bytes, header: Header, deadline: Deadline) -> Picture:
        process = self._take()
        deadline.check()
        seconds = processor_seconds(header)
        timeout_s = deadline.remaining_s
        if not _HAS_PROCESSOR_LIMIT:
            timeout_s = min(timeout_s, _ELAPSED_PER_PROCESSOR_S * seconds)
        facts = {"max_pixels": self._max_pixels, "processor_s": seconds}
        reply = process.ask(facts, data, timeout_s=timeout_s)
        if reply is None:
            self._replace(process)
            deadline.check()
            raise failure(process.exit_code, header, timed_out=process.timed_out)
        self._give_back(process)
        return picture_of(reply, header)

    def _take(self) -> ChildProcess:
        """A process that waits for a picture."""
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return self._start()
            if process.is_running:
                return process
            self._discard(process)

    def _start(self) -> ChildProcess:
        # Without what it needs not know: the key above all.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
        process = self._starter.submit(ChildProcess, _MODULE, environment=environment).result()
        with self._lock:
            self._processes.add(process)
        if process.receive(_START_TIMEOUT_S) is None:
            self._discard(process)
            raise RuntimeError("The process that decodes pictures did not start.")
        process.lower_priority(NICENESS)  # not before: pictures wait for its start
        return process

    def _start_spare(self) -> None:
        with self._lock:
            if self._idle or not self._is_open:
                return
        try:
            self._give_back(self._start())
        except (OSError, RuntimeError) as error:
            if self._is_open:  # the next picture tries again
                logger.warning("No spare process for decoding pictures: %s", error)

    def _give_back(self, process: ChildProcess) -> None:
        with self._lock:
            if self._is_open:
                self._idle.append(process)
                return
        self._discard(process)

    def _discard(self, process: ChildProcess) -> None:
        process.end()
        with self._lock:
            self._processes.discard(process)

    def _replace(self, process: ChildProcess) -> None:
        self._discard(process)
        threading.Thread(target=self._start_spare, name="spare", daemon=True).start()


def processor_seconds(header: Header) -> float:
    """How much processor time a process may spend on a picture."""
    return _SECONDS + _SECONDS_PER_PIXEL * header.width * header.height
