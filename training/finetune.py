"""Teach a detector what people corrected, without forgetting what it knew.

    python -m training.finetune --corrected FOLDER --known FOLDER... --out RUN [--minutes 30]

Every fifth picture of each folder, chosen by the digest of its content, is held out: the candidate
is judged on these and never learns from them. Half of what it learns from is what it knew, and a
quarter is that in the light of the corrected pictures: few pictures show few objects. The weights
that are kept lie between those of the start and those that were learnt, as near to the latter as
known pictures allow that it did not learn from either.
"""

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import torch

from detectlab.vision.metrics import Found
from training.augment import Composer
from training.batches import Batches, loader
from training.candidate_card import PARTS, describe
from training.data import Boxes, Sample, label_folder, read_folder
from training.export import TOLERANCE, export
from training.light import relight
from training.measure import average_precision, draw_copies, judge
from training.mix import mix
from training.network import Darknet
from training.run_files import read_network
from training.score import TINY, detect
from training.task import CLASSES
from training.train import Run, freeze, learning_rate, new_run, train_step

ASSETS = Path(__file__).parents[1] / "src" / "detectlab" / "assets"
HELD_OUT = 5  # every fifth picture
FEWEST = 10  # corrected pictures to learn from
MOST_RELIT = 1000
MAX_LOSS = 0.02  # of AP50 on what was known
SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)  # from the start (0) to what was learnt (1)


@dataclass(frozen=True)
class Change:
    """AP50 before and after, on the same pictures.

    Attributes:
        pictures: How many.
        objects: How many objects of the classes they show.
        before: Mean AP50 of the classes, of the detector at the start.
        after: The same, of the candidate.
        low: Lower end of the 95 % interval of the difference (bootstrap over pictures).
        high: Upper end.
    """

    pictures: int
    objects: int
    before: float
    after: float
    low: float
    high: float


def split(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Gives pictures to learn from, and pictures to judge on; copies stay on one side."""
    digests = [hashlib.sha256(sample.picture.tobytes()).digest()[0] for sample in samples]
    learnt = [s for s, digest in zip(samples, digests, strict=True) if digest % HELD_OUT]
    judged = [s for s, digest in zip(samples, digests, strict=True) if not digest % HELD_OUT]
    return learnt, judged


def read(folders: list[Path]) -> list[Sample]:
    """Reads folders of labelled pictures, and refuses labels that cannot be."""
    from detectlab.vision.labels import label_file, read_labels

    samples = []
    for folder in folders:
        pictures = sorted(folder.glob("*.jpg")) + sorted(folder.glob("*.png"))
        labels = {it: label_file(it, label_folder(folder)) for it in pictures}
        labelled = {picture: file for picture, file in labels.items() if file}
        for file in labelled.values():
            read_labels(file)  # names the file and the line that are wrong
        if len(labelled) < len(pictures):
            print(f"{folder}: {len(pictures) - len(labelled)} pictures have no label file yet.")
        if labelled:
            names = {f"{folder.name}/{picture.stem}" for picture in labelled}
            samples += read_folder(folder, CLASSES, only=names)
    return samples


def relit(known: list[Sample], corrected: list[Sample]) -> list[Sample]:
    """Gives known pictures, at most `MOST_RELIT`, each in the light of a corrected one."""
    rng = np.random.default_rng(42)
    lights = rng.integers(len(corrected), size=min(len(known), MOST_RELIT))
    return [
        replace(sample, picture=relight(sample.picture, corrected[light].picture))
        for sample, light in zip(known, lights, strict=False)
    ]


def mean_ap(found: list[Found], truth: list[Boxes], copies: np.ndarray | None = None) -> float:
    """Gives the mean AP50 of the classes that occur."""
    verdicts = [judge(found, truth, label, smallest=TINY) for label in range(len(CLASSES))]
    values = [average_precision(one, copies) for one in verdicts if one.objects.any()]
    return float(np.nanmean(values)) if values else float("nan")


def compare(before: list[Found], after: list[Found], truth: list[Boxes]) -> Change:
    """Compares two detectors on the same pictures, with an interval for the difference."""
    pairs = [
        (judge(before, truth, label, smallest=TINY), judge(after, truth, label, smallest=TINY))
        for label in range(len(CLASSES))
    ]
    pairs = [pair for pair in pairs if pair[0].objects.any()]
    draws = []
    for copies in draw_copies(len(truth)):
        changes = [average_precision(b, copies) - average_precision(a, copies) for a, b in pairs]
        draws.append(np.nanmean(changes))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    objects = int(sum(pair[0].objects.sum() for pair in pairs))
    values = mean_ap(before, truth), mean_ap(after, truth)
    return Change(len(truth), objects, *values, float(low), float(high))


def learn(
    run: Run, composer: Composer, minutes: float, *, batch: int, rate: float, seed: int
) -> None:
    """Trains for some minutes, at a learning rate that falls to nothing."""
    batches = loader(Batches(composer, batch, seed), 0)
    last = loader(Batches(composer, batch, seed + 1, last=True), 0)
    started, spent, shown = time.monotonic(), 0.0, 0
    while spent < minutes * 60:
        progress = spent / (minutes * 60)
        source = last if progress > 0.5 else batches
        train_step(run, next(source), learning_rate(progress, rate), half=False)
        spent = time.monotonic() - started
        if spent // 60 > shown:
            shown = int(spent // 60)
            print(f"minute {shown} of {minutes:g}, step {run.step}", flush=True)


def choose(
    cfg: str, start: Darknet, learnt: Darknet, known: list[Sample]
) -> tuple[Darknet, float, list[Found]]:
    """Gives the weights nearest to the learnt ones that keep what was known, and their share.

    Args:
        cfg: Description of the network.
        start: The detector before.
        learnt: What was learnt.
        known: Pictures that it did not learn from; those that are held out stay for the verdict.
    """
    truth = [sample.boxes for sample in known]
    before = mean_ap([detect(start, sample.picture) for sample in known], truth)
    network, found = Darknet(cfg).eval(), []
    for share in SHARES:
        network.load_state_dict(mix(start.state_dict(), learnt.state_dict(), share))
        found = [detect(network, sample.picture) for sample in known]
        if before - mean_ap(found, truth) <= MAX_LOSS / 2:
            break
    return network, share, found


def verdict(corrected: Change, known: Change) -> str:
    """Says in one sentence whether the candidate is worth a shadow."""
    if known.before - known.after > MAX_LOSS:
        return "It forgets: do not use it. Give --known more pictures, or train for less time."
    if corrected.low <= 0:
        return "It is not certainly better: correct more pictures."
    return "It is better on what was corrected, and has not forgotten what it knew."


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    more = "folders to judge on, with the held-out pictures"
    parser.add_argument("--corrected", type=Path, nargs="+", required=True, help="labelled folders")
    parser.add_argument("--known", type=Path, nargs="+", required=True, help="what it knew before")
    parser.add_argument("--judge-corrected", type=Path, nargs="*", default=[], help=more)
    parser.add_argument("--judge-known", type=Path, nargs="*", default=[], help=more)
    parser.add_argument("--start", type=Path, default=ASSETS, help="folder of nano.cfg and others")
    parser.add_argument("--out", type=Path, required=True, help="folder of the candidate")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=5e-4, help="peak of the learning rate")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--freeze", type=int, default=9, help="first layers that stay as they are")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=42, help="of the order of the pictures")
    parser.add_argument("--name", default="nano-tuned", help="of the candidate")
    return parser.parse_args()


def main() -> int:
    """Makes a candidate, judges it, and says what to do next."""
    options = parse()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    try:
        (corrected, corrected_out), (known, known_out) = (
            split(read(folders)) for folders in (options.corrected, options.known)
        )
        corrected_out += read(options.judge_corrected)
        known_out += read(options.judge_known)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if len(corrected) < FEWEST or not corrected_out or not known_out:
        print(
            f"{len(corrected)} corrected pictures to learn from, {len(corrected_out)} to judge on, "
            f"{len(known_out)} known ones to judge on: at least {FEWEST}, 1 and 1 are needed.",
            file=sys.stderr,
        )
        return 1
    cfg, start = read_network(options.start)
    start.eval()
    run = new_run(cfg, torch.device("cpu"))
    for other in (run.network, run.average):
        other.load_state_dict(start.state_dict())
    freeze(run.network, options.freeze)
    kept = known[::HELD_OUT]
    known = [sample for number, sample in enumerate(known) if number % HELD_OUT]
    groups = [corrected, relit(known, corrected), known]
    composer = Composer(groups, [0.25, 0.25, 0.5], [], [], paste_chance=0, street_chance=0)
    learn(
        run,
        composer,
        options.minutes,
        batch=options.batch,
        rate=options.rate,
        seed=options.seed,
    )
    network, share, _ = choose(cfg, start, run.average, kept)
    return finish(options, cfg, (start, network), (corrected_out, known_out), share, len(corrected))


def finish(
    options: argparse.Namespace,
    cfg: str,
    networks: tuple[Darknet, Darknet],
    judged: tuple[list[Sample], list[Sample]],
    share: float,
    learnt: int,
) -> int:
    """Judges the candidate, writes it with its card, and prints the next command."""
    changes = []
    for samples in judged:
        truth = [sample.boxes for sample in samples]
        found = [[detect(network, s.picture) for s in samples] for network in networks]
        changes.append(compare(*found, truth))
    options.out.mkdir(parents=True, exist_ok=True)
    difference = export(networks[1], cfg, options.out)
    if difference > TOLERANCE:
        print(f"OpenCV computes something else (by {difference:.0e}): no candidate.")
        return 1
    card = {
        "name": options.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "start": options.start.name,
        "learnt_from": learnt,
        "share_of_what_was_learnt": share,
        **{name: asdict(change) for name, change in zip(PARTS, changes, strict=True)},
        "minutes": options.minutes,
        "seed": options.seed,
        "verdict": verdict(*changes),
    }
    (options.out / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    print(describe(card))
    nano = f"{options.out}/nano"
    files = f"{nano}.cfg {nano}.weights --labels {nano}.names"
    print(f"Next: detectlab models add {options.name} {files}")
    print(f"Then: detectlab compare {options.corrected[0]} --models nano,{options.name}")
    print(f"Then: detectlab rollout shadow {options.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
