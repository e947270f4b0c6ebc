"""The transitions of a plan: promote, roll back, release."""

from typing import Any

from detectlab.rollout.plan import RolloutPlan


class InvalidTransition(ValueError):
    """The plan has no next step in that direction; the message says what to do instead."""


def promote(plan: RolloutPlan) -> RolloutPlan:
    """The plan one step further towards the candidate.

    A shadow becomes a canary of the first share; a canary takes the next share, and after the last
    one green goes live while blue stays warm; of blue and green, green goes live.

    Raises:
        InvalidTransition: When there is no next step.
    """
    if plan.mode in ("shadow", "canary"):
        larger = [step for step in plan.canary.steps if step > plan.candidate_share]
        if larger:
            return _changed(plan, mode="canary", canary=_share(plan, larger[0]))
        return _changed(plan, mode="blue_green", live="green", canary=_share(plan, 0.0))
    if plan.mode == "blue_green" and plan.live == "blue":
        return _changed(plan, live="green")
    if plan.mode == "blue_green":
        raise InvalidTransition(
            "Green is live already. `release` ends the rollout and unloads blue."
        )
    raise InvalidTransition(
        "There is no candidate. Start with a plan in mode shadow, canary or blue_green."
    )


def roll_back(plan: RolloutPlan) -> RolloutPlan:
    """The plan in which stable answers everything; the same plan when it does so already.

    Right after a release it leads to the version that was stable before. Rolling back again changes
    nothing, so that two operators, or an operator and a guard rail, cannot undo each other.
    """
    if plan.mode in ("shadow", "canary"):
        return _changed(plan, mode="stable", canary=_share(plan, 0.0))
    if plan.live == "green":
        return _changed(plan, live="blue")
    if plan.mode == "stable" and plan.previous and not plan.candidate:
        return _changed(plan, stable=plan.previous, previous=None)
    return plan


def release(plan: RolloutPlan) -> RolloutPlan:
    """The plan after the rollout: the live version is stable, the other one is unloaded.

    Raises:
        InvalidTransition: When there are not two colours.
    """
    if plan.mode != "blue_green" or plan.candidate is None:
        raise InvalidTransition("Only a plan in mode blue_green has a second colour to release.")
    ended: dict[str, Any] = {"mode": "stable", "live": "blue", "candidate": None}
    if plan.live == "green":
        ended |= {"stable": plan.candidate, "previous": plan.stable}
    return _changed(plan, **ended)


def _share(plan: RolloutPlan, share: float) -> dict[str, Any]:
    return {**plan.canary.model_dump(), "share": share}


def _changed(plan: RolloutPlan, **changes: Any) -> RolloutPlan:
    # Validated again, unlike `model_copy`.
    return RolloutPlan.model_validate({**plan.model_dump(), **changes})
