"""A network made deeper answers as before. It needs torch."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install '.[train]'")

from training.grow import grow  # noqa: E402
from training.network import Darknet, make_cfg, parse_cfg  # noqa: E402

ANCHORS_WH = [(14, 14), (28, 35), (38, 86), (77, 50), (90, 110), (178, 176)]
CFG = make_cfg(5, ANCHORS_WH)


def shallow(cfg: str, first: int, last: int) -> str:
    """The description without the layers `first` to `last`, which only the layer above needs."""
    parts = cfg.split("\n\n")
    gone = last - first + 1
    kept = parts[: first + 1] + parts[last + 2 :]
    for number, part in enumerate(kept):
        key, _, value = part.partition("layers=")
        if value and "-1,-2" not in value:
            layers = [int(layer) for layer in value.split(",")]
            moved = [layer - gone if layer > last else layer for layer in layers]
            kept[number] = f"{key}layers={','.join(map(str, moved))}\n"
    return "\n\n".join(kept)


def second_block(cfg: str) -> int:
    """The number of the layer at which the second residual block of stride 8 begins."""
    kinds = [kind for kind, _ in parse_cfg(cfg)[1:]]
    return kinds.index("shortcut") + 1


def test_grown_network_answers_as_the_first() -> None:
    begin = second_block(CFG)
    first = Darknet(shallow(CFG, begin, begin + 2))
    for layer in first.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.running_mean, -0.1, 0.1)
    picture = torch.rand(1, 3, 96, 64)

    grown = grow(first, CFG)

    assert len(grown.layers) == len(first.layers) + 3
    with torch.no_grad():
        for before, after in zip(first.eval()(picture), grown.eval()(picture), strict=True):
            assert torch.equal(before, after)


def test_network_of_another_form_is_refused() -> None:
    other = Darknet(CFG.replace("filters=256", "filters=200"))

    with pytest.raises(ValueError, match="layer 26 of make_cfg's network is in no new residual"):
        grow(other, CFG)
