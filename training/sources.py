"""Gather what training pictures are made of: photographs, drawings, cuttings, and their shares."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.augment import Composer
from training.data import Sample, read_folder, read_names
from training.draw_clock import Sprite
from training.sprites import cut_sprites, dial_sprites, draw_sprites, read_sprites
from training.task import CLASSES

COPIES = 10  # a rendered car is worth several drawn ones
STREETS = 0.35
HARD_COPIES = 4  # a scene in which the detector saw what is not there is worth several others
DIAL_COPIES = 8  # a clock cut out of a photograph is worth several drawn ones


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say what to train on."""
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of pictures")
    parser.add_argument("--shares", type=float, nargs="+", help="how often to draw from each")
    parser.add_argument("--heldout", type=Path, help="list of photographs to judge by")
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="lists to leave out")
    parser.add_argument(
        "--scenes",
        nargs="*",
        default=["coco", "coco-more"],
        help="folders whose pictures without objects serve as backgrounds, too",
    )
    parser.add_argument(
        "--empty", type=float, default=0.07, help="share of pictures without any object"
    )
    parser.add_argument("--hard", type=Path, help="list of pictures with false alarms")
    parser.add_argument(
        "--draw", nargs="*", default=["clock", "car"], help="what to draw, of clock and car"
    )
    parser.add_argument("--paste", type=float, default=0.65, help="how often to paste objects")
    parser.add_argument(
        "--cuttings", type=Path, nargs="*", default=[], help="folders of CLASS-NAME.png to paste"
    )
    parser.add_argument(
        "--copies",
        type=int,
        nargs="*",
        default=[],
        help=f"how many drawn ones a cutting of each folder is worth; {COPIES} if not given",
    )
    parser.add_argument(
        "--streets", type=float, default=STREETS, help="share of pictures that are made streets"
    )
    parser.add_argument("--sprites", type=int, default=1500, help="how many clocks to draw")


def _read_cuttings(folders: Sequence[Path], copies: Sequence[int]) -> list[tuple[int, Sprite]]:
    numbers = copies or [COPIES] * len(folders)
    pairs = zip(folders, numbers, strict=True)
    return [found for folder, number in pairs for found in read_sprites(folder, number)]


def make_composer(options: argparse.Namespace) -> tuple[Composer, list[Sample]]:
    """Reads all photographs; gives the maker of training pictures, and the held-out ones."""
    hidden = read_names(options.heldout) if options.heldout else set()
    left_out = set().union(*(read_names(path) for path in options.without)) | hidden
    hard = read_names(options.hard) if options.hard else set()
    groups, shares, heldout = [], [], []
    scenes: list[Sample] = []
    empty: list[Sample] = []
    for folder, share in zip(options.data, options.shares or [1] * len(options.data), strict=True):
        samples = read_folder(folder, CLASSES, without=left_out)
        filled = [sample for sample in samples if (sample.boxes[:, 0] >= 0).any()]
        rest = [sample for sample in samples if not (sample.boxes[:, 0] >= 0).any()]
        empty += [s for s in rest for _ in range(HARD_COPIES if s.name in hard else 1)]
        if folder.name in options.scenes:
            scenes += [sample for sample in rest if not len(sample.boxes)]
        if filled:
            groups.append(filled)
            shares.append(share)
        if any(name.startswith(f"{folder.name}/") for name in hidden):
            heldout += read_folder(folder, CLASSES, only=hidden)
    if empty:
        groups.append(empty)
        shares.append(sum(shares) * options.empty / (1 - options.empty))
    every = [sample for group in groups for sample in group]
    cache = options.out / "sprites.pickle"
    composer = Composer(
        groups,
        [share / sum(shares) for share in shares],
        scenes,
        draw_sprites(options.sprites, options.seed, cache, options.draw)
        + cut_sprites(list({sample.name: sample for sample in every}.values()))
        + dial_sprites(every, DIAL_COPIES)
        + _read_cuttings(options.cuttings, options.copies),
        street_chance=options.streets,
        paste_chance=options.paste,
    )
    return composer, heldout
