"""Answer for several pictures of one request, in all idle workers side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from detectlab.detection.detector import Detector
from detectlab.serving.costly_pictures import CostlyPictures, is_costly
from detectlab.serving.deadline import Deadline
from detectlab.serving.errors import Refusal, refused_picture
from detectlab.serving.picture_decoder import Upload
from detectlab.serving.prediction import Answer, Query, answer
from detectlab.vision.images import ImageError


async def answer_uploads(
    uploads: Sequence[Upload | Refusal],
    query: Query,
    start: Callable[..., Awaitable[Any]],
    costly_pictures: CostlyPictures,
    *,
    idle: int,
    deadline: Deadline,
) -> list[Answer | Refusal]:
    """Answer for several pictures; an unusable one does not affect the others.

    Args:
        uploads: Each picture, or why it was refused already.
        query: What is asked.
        start: Runs work in a worker, see `Service`.
        costly_pictures: Answers for those that may cost much.
        idle: How many workers have nothing to do.
        deadline: No stage begins after it.

    Returns:
        An answer or a refusal for each, in their order.

    Raises:
        DeadlinePassed: When the deadline passed before all were done.
    """
    costly = {n: file for n, file in enumerate(uploads) if is_costly(file)}
    light = [n for n in range(len(uploads)) if n not in costly]
    count = max(1, min(idle, len(light)))
    shares = [light[n::count] for n in range(count if light else 0)]
    works = [partial(_answer_each, [uploads[n] for n in share], deadline) for share in shares]
    found = await asyncio.gather(*(start(work, deadline) for work in works))
    answers = dict(zip(chain(*shares), chain(*found), strict=True))
    for n, file in costly.items():  # one after another, as a single client's
        answers[n] = await costly_pictures.answer_or_refuse(file, query, start, deadline)
    return [answers[n] for n in range(len(uploads))]


def _answer_each(
    uploads: Sequence[Upload | Refusal], deadline: Deadline, detector: Detector, query: Query
) -> list[Answer | Refusal]:
    """Answer for several pictures; an unusable one does not affect the others."""
    answers: list[Answer | Refusal] = []
    for upload in uploads:
        if isinstance(upload, Refusal):
            answers.append(upload)
            continue
        try:
            answers.append(answer(detector, upload, query, deadline))
        except ImageError as error:
            answers.append(refused_picture(error))
    return answers
