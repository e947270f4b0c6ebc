"""What the network should have said: decoding, matching of objects to cells, and the loss."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from training.network import SCALE_XY, STRIDES

# Strides of the heads in the order of the network's description: the coarse one comes first.
HEAD_STRIDES = STRIDES[::-1]
LARGEST_RATIO = 4.0  # of an object's width or height to an anchor's that still may predict it
NEIGHBOURS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (-0.5, 0.0), (0.0, -0.5))
BOX_WEIGHT = 3.0


def decode(raw: Tensor, anchors_wh: Tensor, stride: int) -> Tensor:
    """Turns raw outputs into boxes and scores exactly as Darknet's [yolo] layer does.

    Args:
        raw: (N, anchors, rows, columns, 5 + classes) of `Darknet.forward`.
        anchors_wh: (anchors, 2) in pixels.
        stride: Pixels a cell.

    Returns:
        The same shape: x_centre, y_centre, width, height in pixels, objectness and class
        probabilities from 0 to 1.
    """
    rows, columns = raw.shape[2:4]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cells = torch.stack([x, y], -1).to(raw)
    centre = (raw[..., :2].sigmoid() * SCALE_XY - (SCALE_XY - 1) / 2 + cells) * stride
    size = raw[..., 2:4].clamp(max=5).exp() * anchors_wh.to(raw)[:, None, None]
    return torch.cat([centre, size, raw[..., 4:].sigmoid()], -1)


def complete_iou(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Gives IoU and CIoU of pairs of boxes.

    Args:
        first: (N, 4) x_centre, y_centre, width, height.
        second: (N, 4), the same.

    Returns:
        Intersection over union, and the same less penalties for distance and shape, both (N,).
    """
    (a_centre, a_size), (b_centre, b_size) = first.split(2, -1), second.split(2, -1)
    a_low, a_high = a_centre - a_size / 2, a_centre + a_size / 2
    b_low, b_high = b_centre - b_size / 2, b_centre + b_size / 2
    inner = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp(min=0).prod(-1)
    iou = inner / (a_size.prod(-1) + b_size.prod(-1) - inner + 1e-7)
    hull = torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)
    distance = (a_centre - b_centre).square().sum(-1) / (hull.square().sum(-1) + 1e-7)
    a_angle, b_angle = (torch.atan(size[:, 0] / (size[:, 1] + 1e-7)) for size in (a_size, b_size))
    shape = (4 / math.pi**2) * (a_angle - b_angle).square()
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-7)
    return iou, iou - distance - weight * shape


def match(targets: Tensor, anchors_wh: Tensor, stride: int, rows: int, columns: int) -> Tensor:
    """Finds the anchors and cells that should predict each object.

    Besides the cell that holds an object's centre, the two neighbours nearest to the centre are
    asked as well, so that a picture teaches three times as many cells.

    Args:
        targets: (N, 6): picture, class, x_centre, y_centre, width, height in pixels.
        anchors_wh: (anchors, 2) in pixels.
        stride: Pixels a cell.
        rows: Height of the head in cells.
        columns: Width of the head in cells.

    Returns:
        (M, 9): picture, anchor, row, column, class, and the box in pixels.
    """
    ratios = targets[:, None, 4:6] / anchors_wh[None]
    fits = torch.maximum(ratios, 1 / ratios).amax(-1) < LARGEST_RATIO
    objects, anchors = fits.nonzero(as_tuple=True)
    found = targets[objects]
    position = found[:, 2:4] / stride
    matched = []
    for shift in NEIGHBOURS:
        # A neighbour is asked if the centre, moved half a cell towards it, falls into it.
        cell = (position + position.new_tensor(shift)).floor()
        valid = (cell >= 0).all(1) & (cell[:, 0] < columns) & (cell[:, 1] < rows)
        if shift != (0.0, 0.0):
            valid &= (cell != position.floor()).any(1)
        picked = found[valid]
        column, row = cell[valid].T
        parts = [picked[:, 0], anchors[valid].float(), row, column, picked[:, 1]]
        matched.append(torch.cat([torch.stack(parts, 1), picked[:, 2:]], 1))
    return torch.cat(matched)


def ignore_mask(regions: Tensor, shape: Sequence[int], stride: int) -> Tensor:
    """Gives 0 for the cells whose centre lies in a region that teaches nothing, else 1.

    Args:
        regions: (N, 6) as the targets of `match`.
        shape: (N, anchors, rows, columns) of the head.
        stride: Pixels a cell.

    Returns:
        A float tensor of that shape.
    """
    mask = torch.ones(tuple(shape))
    for picture, _, x, y, width, height in regions.tolist():
        left, top = round((x - width / 2) / stride), round((y - height / 2) / stride)
        right, bottom = round((x + width / 2) / stride), round((y + height / 2) / stride)
        mask[int(picture), :, max(top, 0) : bottom, max(left, 0) : right] = 0
    return mask


def detection_loss(
    heads: Sequence[Tensor], targets: Tensor, anchors: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Gives the loss of a batch.

    Args:
        heads: Raw outputs of the network, coarse head first.
        targets: (N, 6): picture, class or -1 (ignore), x_centre, y_centre, width, height in pixels.
        anchors: (anchors, 2) in pixels for each head.

    Returns:
        The loss to minimise, and its three parts (box, objectness, class) for the record.
    """
    regions, objects = targets[targets[:, 1] < 0], targets[targets[:, 1] >= 0]
    parts, count = heads[0].new_zeros(3, dtype=torch.float32), 0
    for raw, anchors_wh, stride in zip(heads, anchors, HEAD_STRIDES, strict=True):
        raw, anchors_wh = raw.float(), anchors_wh.to(targets)
        matched = match(objects, anchors_wh, stride, raw.shape[2], raw.shape[3])
        picture, anchor, row, column, label = matched[:, :5].long().T
        wanted = raw.new_zeros(raw.shape[:4])
        weight = ignore_mask(regions, raw.shape[:4], stride).to(raw)
        count += len(matched)
        box, kind = raw.new_zeros(()), raw.new_zeros(())
        if len(matched):
            boxes = decode(raw, anchors_wh, stride)[picture, anchor, row, column, :4]
            iou, ciou = complete_iou(boxes, matched[:, 5:])
            box = (1 - ciou).sum()
            # An exact box deserves more confidence than a rough one, and orders detections well.
            wanted[picture, anchor, row, column] = 0.5 + 0.5 * iou.detach().clamp(min=0)
            weight[picture, anchor, row, column] = 1
            scores = raw[picture, anchor, row, column, 5:]
            one_hot = functional.one_hot(label, scores.shape[1]).float()
            kind = functional.binary_cross_entropy_with_logits(scores, one_hot, reduction="sum")
        objectness = functional.binary_cross_entropy_with_logits(
            raw[..., 4], wanted, weight, reduction="sum"
        )
        parts = parts + torch.stack([BOX_WEIGHT * box, objectness, kind])
    parts = parts / max(count, len(heads[0]))
    return parts.sum(), parts.detach()
