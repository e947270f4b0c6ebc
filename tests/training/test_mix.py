"""Weights between two trainings. It needs torch."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install '.[train]'")


def test_mix_goes_from_the_first_weights_to_the_second() -> None:
    from training.mix import mix

    first = {"weight": torch.tensor([0.0, 2.0]), "steps": torch.tensor(3)}
    second = {"weight": torch.tensor([1.0, 4.0]), "steps": torch.tensor(9)}

    mixed = mix(first, second, 0.25)

    assert mixed["weight"].tolist() == [0.25, 2.5]
    assert mixed["steps"].item() == 9
