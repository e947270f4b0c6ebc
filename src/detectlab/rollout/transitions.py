"""What promote, rollback and release make of a plan."""

from typing import Any

from detectlab.rollout.plan import RolloutPlan


class NoSuchMove(ValueError):
    """The plan has nowhere to go in that direction."""


def promoted(plan: RolloutPlan) -> RolloutPlan:
    """The next step towards the candidate.

    A shadow becomes a canary of the first share; a canary takes the next share; after the last
    one green is live, and blue stays warm; of blue and green, green goes live.

    Raises:
        NoSuchMove: When there is no next step; the message says what to do instead.
    """
    if plan.mode == "canary" or plan.mode == "shadow":
        share = plan.canary.share if plan.mode == "canary" else 0.0
        larger = [step for step in plan.canary.steps if step > share]
        if larger:
            return _changed(plan, mode="canary", canary=_share(plan, larger[0]))
        return _changed(plan, mode="blue_green", live="green", canary=_share(plan, 0.0))
    if plan.mode == "blue_green" and plan.live == "blue":
        return _changed(plan, live="green")
    if plan.mode == "blue_green":
        raise NoSuchMove("Green is live already. `release` ends the rollout and lets blue go.")
    raise NoSuchMove(
        "There is no candidate. Start with a plan in mode shadow, canary or blue_green."
    )


def rolled_back(plan: RolloutPlan) -> RolloutPlan:
    """The way back: stable answers everything.

    Raises:
        NoSuchMove: When it does so already, and there was nobody before it.
    """
    if plan.mode in ("shadow", "canary"):
        return _changed(plan, mode="stable", canary=_share(plan, 0.0))
    if plan.live == "green":
        return _changed(plan, live="blue")
    if plan.mode == "stable" and plan.previous:
        return _changed(plan, stable=plan.previous, previous=plan.stable, candidate=None)
    raise NoSuchMove("Stable answers everything already: there is nothing to roll back.")


def released(plan: RolloutPlan) -> RolloutPlan:
    """The end of a rollout: who is live becomes stable, and the other one is let go.

    Raises:
        NoSuchMove: When there are not two colours.
    """
    if plan.mode != "blue_green" or plan.candidate is None:
        raise NoSuchMove("Only a plan in mode blue_green keeps a second colour to release.")
    if plan.live == "blue":
        return _changed(plan, mode="stable", candidate=None)
    return _changed(
        plan, mode="stable", live="blue", stable=plan.candidate, candidate=None,
        previous=plan.stable,
    )  # fmt: skip


def _share(plan: RolloutPlan, share: float) -> dict[str, Any]:
    return {**plan.canary.model_dump(), "share": share}


def _changed(plan: RolloutPlan, **changes: Any) -> RolloutPlan:
    # Validated anew, which `model_copy` would not do.
    return RolloutPlan.model_validate({**plan.model_dump(), **changes})
