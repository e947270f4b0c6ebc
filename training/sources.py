"""Gather what training pictures are made of: photographs, drawings, cuttings, and their shares."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass
class Sources:
    """Photographs by what they are good for.

    Attributes:
        groups: Those with objects, by folder.
        shares: How often to draw from each group.
        empty: Those without objects; hard ones stand in it several times.
        scenes: Those without objects that serve as backgrounds.
    """

    groups: list[list[Sample]] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    empty: list[Sample] = field(default_factory=list)
    scenes: list[Sample] = field(default_factory=list)

    def add(self, samples: list[Sample], share: float, hard: set[str], *, scenes: bool) -> None:
        """Sorts the photographs of a folder.

        Args:
            samples: The photographs.
            share: How often to draw from those with objects.
            hard: Names of those without objects that count several times.
            scenes: Whether those without objects serve as backgrounds.
        """
        filled = [sample for sample in samples if (sample.boxes[:, 0] >= 0).any()]
        rest = [sample for sample in samples if not (sample.boxes[:, 0] >= 0).any()]
        self.empty += [s for s in rest for _ in range(HARD_COPIES if s.name in hard else 1)]
        self.scenes += [sample for sample in rest if scenes and not len(sample.boxes)]
        if filled:
            self.groups.append(filled)
            self.shares.append(share)

    def add_empty(self, share: float) -> None:
        """Makes the photographs without objects a group that is drawn from as often as `share`."""
        if self.empty:
            self.groups.append(self.empty)
            self.shares.append(sum(self.shares) * share / (1 - share) or 1.0)


def make_composer(options: argparse.Namespace) -> tuple[Composer, list[Sample]]:
    """Reads all photographs; gives the maker of training pictures, and the held-out ones."""
    hidden = read_names(options.heldout) if options.heldout else set()
    left_out = set().union(*(read_names(path) for path in options.without)) | hidden
    hard = read_names(options.hard) if options.hard else set()
    sources, heldout = Sources(), []
    for folder, share in zip(options.data, options.shares or [1] * len(options.data), strict=True):
        samples = read_folder(folder, CLASSES, without=left_out)
        sources.add(samples, share, hard, scenes=folder.name in options.scenes)
        if any(name.startswith(f"{folder.name}/") for name in hidden):
            heldout += read_folder(folder, CLASSES, only=hidden)
    sources.add_empty(options.empty)
    return _compose(sources, options), heldout


def _compose(sources: Sources, options: argparse.Namespace) -> Composer:
    every = list({sample.name: sample for group in sources.groups for sample in group}.values())
    drawn = draw_sprites(
        options.sprites, options.seed, options.out / "sprites.pickle", options.draw
    )
    cut = cut_sprites(every) + dial_sprites(every, DIAL_COPIES)
    return Composer(
        sources.groups,
        [share / sum(sources.shares) for share in sources.shares],
        sources.scenes,
        drawn + cut + _read_cuttings(options.cuttings, options.copies),
        street_chance=options.streets,
        paste_chance=options.paste,
    )
