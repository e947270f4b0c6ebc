"""What a process that decodes pictures gave, or why it gave nothing."""

import signal

import numpy as np

from detectlab.serving.child_process import ChildProcess, Message
from detectlab.vision.headers.base import Header
from detectlab.vision.images import ImageError, Picture, undecodable


def failure(process: ChildProcess, header: Header) -> ImageError:
    """Why a process ended instead of decoding a picture.

    Args:
        process: It has ended.
        header: Of the picture.
    """
    is_out_of_time = process.timed_out or process.exit_code == -getattr(signal, "SIGPROF", 0)
    if is_out_of_time and process.exit_code:
        return ImageError(
            f"Decoding this {header.kind} file takes far longer than a picture of its size may. "
            "Save it again as an ordinary JPEG or PNG.",
            "too_large",
        )
    return undecodable(header.kind)


def picture_of(reply: Message) -> Picture:
    """The picture in a reply; raises the `ImageError` that is in it otherwise."""
    facts, data = reply
    if "error" in facts:
        raise ImageError(facts["error"], facts["reason"])
    height, width, _ = facts["shape"]
    pixels = np.frombuffer(data, np.uint8).reshape(facts["shape"])
    return Picture(pixels, facts["format"], (width, height))
