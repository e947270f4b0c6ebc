"""docs/scale.md says what its model says, and the model is sane."""

import subprocess
import sys
from pathlib import Path

import growth_model
import growth_plan
import pytest

MODEL = Path("benchmarks/growth_model.py")


def test_doc_has_the_tables_that_the_command_prints(root):
    command = [sys.executable, root / MODEL]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = (root / "docs/scale.md").read_text("utf-8")
    said = [
        growth_model.between(text, name)[0].strip()
        for name in ("growth", "measured", "needs", "limits", "assumed")
    ]

    assert "\n\n".join(said) == printed.strip(), "run: make scale-model ARGS=--write"


def test_command_with_another_price_prints_another_sum(root):
    def needs(*options):
        command = [sys.executable, root / MODEL, *options]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line for line in lines.splitlines() if line.startswith("| money a month")]

    assert needs() != needs("--core-hour", "0.4")


def test_place_without_markers_is_an_error():
    with pytest.raises(ValueError, match=r"no place marked with <!-- needs -->"):
        growth_model.between("# No tables here", "needs")


@pytest.mark.parametrize("name", ["nodes", "detectors", "gateways", "memory_gb", "money_a_month"])
def test_plan_for_ten_times_the_rate_needs_more(name):
    few, many = (
        growth_plan.Plan(
            rate, growth_plan.BUILT, growth_plan.Measured.read(), growth_plan.Assumed()
        )
        for rate in (10_000, 100_000)
    )

    assert getattr(many, name) > getattr(few, name)
    assert many.money_a_million <= few.money_a_million * 1.01


def test_nodes_that_outlive_a_zone_still_hold_what_is_needed():
    for rate in (10, 1000, 123_456):
        plans = growth_plan.Plan(
            rate, growth_plan.BUILT, growth_plan.Measured.read(), growth_plan.Assumed()
        )

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
def test_rounded_keeps_two_digits(value, text):
    assert growth_model.rounded(value) == text
