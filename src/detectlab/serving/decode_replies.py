"""What a process that decodes pictures gave, or why it gave nothing."""

import signal

import numpy as np

from detectlab.serving.child_process import Message
from detectlab.vision.headers.base import Header
from detectlab.vision.images import ImageError, Picture, undecodable


def failure(exit_code: int | None, header: Header, *, timed_out: bool) -> ImageError:
    """Why a picture was not decoded.

    Args:
        exit_code: Of the process, as `subprocess.Popen.returncode`.
        header: Of the picture.
        timed_out: Whether the process was ended because it took too long.
    """
    is_out_of_time = timed_out or exit_code == -getattr(signal, "SIGPROF", 0)
    if is_out_of_time and exit_code:
        return ImageError(
            f"Decoding this {header.kind} file takes far longer than a picture of its size may. "
            "Save it again as an ordinary JPEG or PNG.",
            "too_large",
        )
    return undecodable(header.kind)


def picture_of(reply: Message, header: Header) -> Picture:
    """The picture in a reply.

    Args:
        reply: Of the process.
        header: Of the picture.

    Raises:
        ImageError: When there is an error in it instead.
    """
    facts, data = reply
    if "exit_code" in facts:
        raise failure(facts["exit_code"], header, timed_out=False)
    if "error" in facts:
        raise ImageError(facts["error"], facts["reason"])
    height, width, _ = facts["shape"]
    pixels = np.frombuffer(data, np.uint8).reshape(facts["shape"])
    return Picture(pixels, facts["format"], (width, height))
