"""Weights between two trainings. It needs torch."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install '.[train]'")

from training import mix  # noqa: E402
from training.export import export  # noqa: E402
from training.network import Darknet, make_cfg  # noqa: E402
from training.run_files import read_network  # noqa: E402

CFG = make_cfg(5, [(14, 14), (28, 35), (38, 86), (77, 50), (90, 110), (178, 176)])


def test_mix_goes_from_the_first_weights_to_the_second() -> None:
    first = {"weight": torch.tensor([0.0, 2.0]), "steps": torch.tensor(3)}
    second = {"weight": torch.tensor([1.0, 4.0]), "steps": torch.tensor(9)}

    mixed = mix.mix(first, second, 0.25)

    assert mixed["weight"].tolist() == [0.25, 2.5]
    assert mixed["steps"].item() == 9


@pytest.mark.parametrize("mixed_with_itself", [True, False], ids=["two", "one alone"])
def test_mix_of_an_export_and_a_checkpoint_lowers_the_objectness_alone(
    mixed_with_itself: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Darknet(CFG).eval()
    export(network, CFG, tmp_path)
    torch.save({"cfg": CFG, "average": network.state_dict()}, tmp_path / "checkpoint.pt")
    first = ["--first", tmp_path] if mixed_with_itself else []
    options = [*first, "--second", tmp_path / "checkpoint.pt", "--caution", 0.5]
    monkeypatch.setattr(sys, "argv", ["mix", *map(str, options), "--out", str(tmp_path / "mixed")])

    mix.main()

    _, mixed = read_network(tmp_path / "mixed" / "checkpoint.pt")
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        pairs = zip(network(picture), mixed.eval()(picture), strict=True)
        change = [after - before for before, after in pairs]
    for head in change:
        torch.testing.assert_close(head[..., 4], torch.full_like(head[..., 4], -0.5))
        assert head[..., :4].abs().max() < 1e-4
        assert head[..., 5:].abs().max() < 1e-4
