"""docs/scale.md says what its model says, and the model is sane."""

import subprocess
import sys
from pathlib import Path

import pytest

MODEL = Path("benchmarks/growth_model.py")


@pytest.fixture
def model(root, monkeypatch):
    """The model's own modules, as its command sees them."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import growth_model
    import growth_plan

    yield growth_model, growth_plan
    for name in ("growth_model", "growth_plan"):
        sys.modules.pop(name)


def test_doc_has_the_tables_that_the_command_prints(root, model):
    command = [sys.executable, root / MODEL]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = (root / "docs/scale.md").read_text("utf-8")
    said = [
        model[0].between(text, name)[0].strip()
        for name in ("growth", "measured", "needs", "limits", "assumed")
    ]

    assert "\n\n".join(said) == printed.strip(), "run: make scale-model ARGS=--write"


def test_command_with_another_price_prints_another_sum(root):
    def needs(*options):
        command = [sys.executable, root / MODEL, *options]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line for line in lines.splitlines() if line.startswith("| money a month")]

    assert needs() != needs("--core-hour", "0.4")


def test_place_without_markers_is_an_error(model):
    with pytest.raises(ValueError, match=r"no place marked with <!-- needs -->"):
        model[0].between("# No tables here", "needs")


@pytest.mark.parametrize("name", ["nodes", "detectors", "gateways", "memory_gb", "money_a_month"])
def test_plan_for_ten_times_the_rate_needs_more(model, name):
    _, plan = model
    few, many = (
        plan.Plan(rate, plan.BUILT, plan.Measured.read(), plan.Assumed())
        for rate in (10_000, 100_000)
    )

    assert getattr(many, name) > getattr(few, name)
    assert many.money_a_million <= few.money_a_million * 1.01


def test_nodes_that_outlive_a_zone_still_hold_what_is_needed(model):
    _, plan = model
    for rate in (10, 1000, 123_456):
        plans = plan.Plan(rate, plan.BUILT, plan.Measured.read(), plan.Assumed())

        assert plans.nodes * 2 // 3 >= max(plans.reasons.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(0, "0", id="nothing"),
        pytest.param(3, "3", id="count"),
        pytest.param(1234.5, "1,200", id="thousands"),
        pytest.param(0.01234, "0.012", id="small"),
        pytest.param(2.96, "3.0", id="decimals"),
    ],
)
def test_rounded_keeps_two_digits(model, value, text):
    assert model[0].rounded(value) == text
