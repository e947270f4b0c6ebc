"""Train the detector on folders of labelled photographs.

    python -m training.train --data FOLDER... --heldout LIST --out RUN --minutes 90

Stop it whenever you like: the same command goes on where it was. See training/README.md.
"""

import argparse
import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import torch
from torch import Tensor
from tqdm import tqdm

from training.anchors import find_anchors
from training.augment import Composer
from training.batches import Batches, loader
from training.data import Sample
from training.loss import detection_loss
from training.network import Darknet, make_cfg
from training.plot import save_grid, save_plot
from training.run_files import read_network
from training.score import score
from training.sources import add_arguments, make_composer
from training.task import CLASSES

PEAK_RATE, WEIGHT_DECAY = 2e-3, 0.03
WARM_UP, LAST_PART = 0.02, 0.75  # shares of the training time
EMPTY_OBJECTNESS = -4.5  # at the start: most cells hold nothing
AVERAGE = 0.996  # of the weights that are kept, over about 250 steps
LONGEST_STEP = 30.0  # seconds; a longer one was held up, and its wait is no training time


@dataclass
class Run:
    """A training: the network, its running average, the optimiser, and what happened so far."""

    cfg: str
    network: Darknet
    average: Darknet
    optimiser: torch.optim.Optimizer
    seconds: float = 0.0
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes everything that going on needs, at once or not at all."""
        state = {"cfg": self.cfg, "seconds": self.seconds, "step": self.step}
        state |= {"history": self.history, "network": self.network.state_dict()}
        state |= {"average": self.average.state_dict(), "optimiser": self.optimiser.state_dict()}
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def restore(self, state: dict[str, object]) -> None:
        """Takes over what `save` wrote."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.seconds, self.step = state["seconds"], state["step"]
        self.history = state["history"]

    def update_average(self) -> None:
        """Moves the averaged weights a little towards the present ones."""
        keep = min(AVERAGE, (1 + self.step) / (10 + self.step))
        pairs = zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        )
        for mean, now in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)


def new_run(cfg: str, device: torch.device) -> Run:
    """Starts from random weights."""
    network = Darknet(cfg).to(device, memory_format=torch.channels_last)
    network.shift_objectness(EMPTY_OBJECTNESS)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": WEIGHT_DECAY},
        {"params": others, "weight_decay": 0.0},
    ]
    return Run(cfg, network, copy.deepcopy(network).eval(), torch.optim.AdamW(groups, PEAK_RATE))


def freeze(network: Darknet, count: int) -> None:
    """Leaves the first layers as they are, statistics included: nearly halves the time of a step.

    Args:
        network: The network in training mode.
        count: How many layers of its description.
    """
    for layer in network.layers[:count]:
        layer.eval().requires_grad_(False)


def learning_rate(progress: float, peak: float) -> float:
    """Gives the rate at a share of the training time: a short rise, then half a cosine to 0."""
    rise = min(1.0, progress / WARM_UP)
    return peak * rise * (0.01 + 0.99 * (1 + math.cos(math.pi * min(progress, 1))) / 2)


def train_step(run: Run, batch: tuple[Tensor, Tensor], rate: float, *, half: bool) -> Tensor:
    """Learns from one batch; gives the parts of its loss.

    Args:
        run: The training, which changes.
        batch: Pictures (N, 3, H, W) uint8 RGB, and targets as `detection_loss` takes them.
        rate: The learning rate.
        half: Whether products are computed in bfloat16.
    """
    device = next(run.network.parameters()).device
    pictures, targets = (tensor.to(device) for tensor in batch)
    pictures = pictures.contiguous(memory_format=torch.channels_last).float() / 255
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        heads = run.network(pictures)
    loss, parts = detection_loss(heads, targets, run.network.anchors_wh())
    run.optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 10.0)
    run.optimiser.step()
    run.step += 1
    run.update_average()
    return parts


def report(run: Run, heldout: Sequence[Sample], losses: list[Tensor], folder: Path) -> str:
    """Adds a line to the history, draws plot and grid; gives the line."""
    entry = {"minutes": run.seconds / 60, "step": run.step}
    entry["loss"] = float(torch.stack(losses).sum(1).mean()) if losses else math.nan
    names = ("box", "objectness", "class")
    parts = torch.stack(losses).mean(0).tolist() if losses else [math.nan] * 3
    entry |= dict(zip(names, parts, strict=True))
    if heldout:
        entry |= score(run.average, heldout)
    run.history.append(entry)
    save_plot(run.history, folder / "history.png")
    if heldout:
        save_grid(run.average, heldout[:24], folder / "grid.png")
    return "  ".join(f"{name} {value:.3g}" for name, value in entry.items())


def train(run: Run, composer: Composer, heldout: list[Sample], options: argparse.Namespace) -> None:
    """Trains until the time is used up."""
    budget, checkpoint = options.minutes * 60, options.out / "checkpoint.pt"
    losses: list[Tensor] = []
    batches, last = None, None
    next_report = run.seconds + options.every * 60
    bar = tqdm(total=round(budget), initial=round(run.seconds), unit="s", mininterval=5)
    while run.seconds < budget:
        started, progress = time.perf_counter(), run.seconds / budget
        if batches is None or last != (progress > LAST_PART):
            last = progress > LAST_PART
            maker = Batches(composer, options.batch, options.seed + run.step, last=last)
            batches = loader(maker, options.workers)
        rate = learning_rate(progress, options.rate)
        losses.append(train_step(run, next(batches), rate, half=options.half))
        run.seconds += min(time.perf_counter() - started, LONGEST_STEP)
        bar.set_postfix(step=run.step, loss=f"{float(losses[-1].sum()):.2f}", refresh=False)
        bar.update(int(run.seconds) - bar.n)
        if run.seconds >= min(next_report, budget):
            bar.write(report(run, heldout, losses, options.out))
            run.save(checkpoint)
            losses, next_report = [], run.seconds + options.every * 60
    bar.close()


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of this training")
    parser.add_argument(
        "--start",
        type=Path,
        help="checkpoint of another training, or a folder with nano.cfg and nano.weights, to start "
        "from its weights",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="compute products in bfloat16: twice as fast on processors with instructions for it, "
        "many times slower on others",
    )
    parser.add_argument("--freeze", type=int, default=0, help="first layers that stay as they are")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--every", type=float, default=5, help="minutes between reports")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="peak of the learning rate")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def begin(options: argparse.Namespace, composer: Composer, device: torch.device) -> Run:
    """Gives the training of `--out` where it stopped, or a new one from `--start`."""
    checkpoint, start = options.out / "checkpoint.pt", options.start
    if checkpoint.is_file():
        state = torch.load(checkpoint, map_location=device)
        run = new_run(state["cfg"], device)
        run.restore(state)
    elif start is None:
        run = new_run(make_cfg(len(CLASSES), find_anchors(composer, options.seed)), device)
    else:
        cfg, network = read_network(start)
        run = new_run(cfg, device)
        for other in (run.network, run.average):
            other.load_state_dict(network.state_dict())
    return run


def main() -> None:
    """Starts a training, or goes on with one."""
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)  # its threads would not survive the fork into workers
    composer, heldout = make_composer(options)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = begin(options, composer, device)
    freeze(run.network, options.freeze)
    train(run, composer, heldout, options)


if __name__ == "__main__":
    main()
