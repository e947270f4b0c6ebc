"""The network, its loss and its way to Darknet files. They need torch, an extra of its own."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install '.[train]'")

from training.export import export, with_input  # noqa: E402
from training.loss import complete_iou, decode, detection_loss, match  # noqa: E402
from training.network import Darknet, make_cfg, parse_cfg  # noqa: E402
from training.train import freeze  # noqa: E402

ANCHORS = [(14, 14), (28, 35), (38, 86), (77, 50), (90, 110), (178, 176)]


@pytest.fixture(scope="module")
def network() -> Darknet:
    torch.manual_seed(0)
    made = Darknet(make_cfg(5, ANCHORS))
    for layer in made.modules():  # as after training: norms that are not the identity
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
    return made.eval()


def test_make_cfg_is_read_as_written() -> None:
    sections = parse_cfg(make_cfg(5, ANCHORS))

    assert sections[0] == (
        "net",
        {"batch": "1", "width": "320", "height": "320", "channels": "3"},
    )
    assert [kind for kind, _ in sections].count("yolo") == 2


def test_with_input_changes_width_and_height_alone() -> None:
    (net, *layers), (changed, *others) = map(
        parse_cfg, (make_cfg(5, ANCHORS), with_input(make_cfg(5, ANCHORS), 416))
    )

    assert changed == ("net", net[1] | {"width": "416", "height": "416"})
    assert others == layers


def test_network_at_any_multiple_of_32_gives_two_heads(network: Darknet) -> None:
    coarse, fine = network(torch.zeros(2, 3, 96, 160))

    assert coarse.shape == (2, 3, 3, 5, 10)
    assert fine.shape == (2, 3, 6, 10, 10)


def test_network_has_at_most_a_million_and_a_half_parameters(network: Darknet) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) < 1_500_000


def test_export_gives_the_same_outputs_in_opencv(network: Darknet, tmp_path: Path) -> None:
    assert export(network, make_cfg(5, ANCHORS), tmp_path) < 1e-4


def test_load_darknet_gives_the_exported_network_back(network: Darknet, tmp_path: Path) -> None:
    export(network, make_cfg(5, ANCHORS), tmp_path)
    again = Darknet(make_cfg(5, ANCHORS)).eval()

    again.load_darknet((tmp_path / "nano.weights").read_bytes())

    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        pairs = zip(network(picture), again(picture), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_load_darknet_of_another_size_raises(network: Darknet) -> None:
    with pytest.raises(ValueError, match=r"must hold \d+ numbers, as the \.cfg says.*Received: 1$"):
        Darknet(make_cfg(5, ANCHORS)).load_darknet(bytes(24))


def test_freeze_leaves_the_first_layers_as_they_are() -> None:
    network = Darknet(make_cfg(5, ANCHORS))

    freeze(network, 9)

    trained = [any(p.requires_grad for p in layer.parameters()) for layer in network.layers[:10]]
    assert not any(trained[:9])
    assert trained[9]
    assert not network.layers[0].training


def test_export_with_a_wrong_weight_differs_in_opencv(network: Darknet, tmp_path: Path) -> None:
    export(network, make_cfg(5, ANCHORS), tmp_path)
    with torch.no_grad():
        network.layers[0][0].weight[0] += 1
    from training.export import largest_difference

    difference = largest_difference(network, tmp_path / "nano.cfg", tmp_path / "nano.weights")

    with torch.no_grad():
        network.layers[0][0].weight[0] -= 1
    assert difference > 1e-4


def test_decode_of_zeros_gives_cell_centres_and_anchors() -> None:
    decoded = decode(torch.zeros(1, 1, 2, 2, 6), torch.tensor([[20.0, 30.0]]), 16)

    assert decoded[0, 0, 1, 0].tolist() == [8, 24, 20, 30, 0.5, 0.5]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param([10.0, 10, 4, 4], 1.0, id="equal"),
        pytest.param([12.0, 10, 4, 4], 1 / 3, id="half over"),
        pytest.param([50.0, 50, 4, 4], 0.0, id="apart"),
    ],
)
def test_complete_iou_of_two_boxes_gives(second: list[float], expected: float) -> None:
    iou, ciou = complete_iou(torch.tensor([[10.0, 10, 4, 4]]), torch.tensor([second]))

    assert iou.item() == pytest.approx(expected, abs=1e-5)
    assert ciou.item() <= iou.item() + 1e-6


def test_match_asks_the_cell_and_its_two_nearest_neighbours() -> None:
    target = torch.tensor([[0, 2, 38.0, 38.0, 20, 20]])  # in the cell 2, 2, up and left in it

    found = match(target, torch.tensor([[20.0, 20.0], [300.0, 300.0]]), 16, 8, 8)

    assert sorted(found[:, 2:4].tolist()) == [[1, 2], [2, 1], [2, 2]]
    assert set(found[:, 1].tolist()) == {0.0}


def test_detection_loss_falls_when_trained_on_one_picture() -> None:
    torch.manual_seed(0)
    network = Darknet(make_cfg(5, ANCHORS))
    picture = torch.from_numpy(np.random.default_rng(0).random((2, 3, 64, 64), dtype=np.float32))
    targets = torch.tensor([[0, 1, 30.0, 30, 24, 24], [1, -1, 30, 30, 20, 20]])
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    losses = []
    for _ in range(12):
        loss, _ = detection_loss(network(picture), targets, network.anchors_wh())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())

    assert losses[-1] < 0.7 * losses[0]
