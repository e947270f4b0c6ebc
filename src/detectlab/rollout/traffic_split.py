"""Traffic split: assigns a key to a role, the same one in every process."""

import hashlib
from collections.abc import Mapping

from detectlab.rollout.plan import Role, RolloutPlan


def position(key: str, *, salt: str) -> float:
    """The position of a key among all keys, in `[0, 1)`.

    A digest, since Python's `hash()` of a string differs from process to process.

    Args:
        key: Identifies a client.
        salt: Shuffles the keys: another salt puts other clients first.
    """
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8)
    digest.update(b"\0" + salt.encode())
    # The upper 53 bits: as many as a float holds exactly, so the result stays below 1.
    return (int.from_bytes(digest.digest(), "big") >> 11) / 2**53


def is_within(key: str, share: float, *, salt: str) -> bool:
    """Whether a key is among the first `share` of all keys.

    A key that is within a share is within every larger one.

    Args:
        key: Identifies a client.
        share: In `[0, 1]`.
        salt: As for `position`.
    """
    return position(key, salt=salt) < share


def role_of(plan: RolloutPlan, key: str) -> Role:
    """The role that answers a request with this key.

    Args:
        plan: The plan in force.
        key: Identifies a client.
    """
    if plan.mode == "canary" and plan.candidate:
        # Salted with the candidate: another one meets other clients first.
        within = is_within(key, plan.canary.share, salt=plan.candidate.label)
        return "candidate" if within else "stable"
    return "candidate" if plan.live == "green" else "stable"


def client_key(
    plan: RolloutPlan, headers: Mapping[str, str], request_id: str, *, has_shared_key: bool
) -> str:
    """The key of a request, the same for all requests of a client.

    Args:
        plan: The plan in force.
        headers: Of the request, case-insensitive.
        request_id: The key when none of the plan's headers is there.
        has_shared_key: Whether all clients send the same API key, which then identifies none.
    """
    for name in plan.canary.sticky_headers:
        if name.lower() == "x-api-key" and has_shared_key:
            continue
        if value := headers.get(name):
            return f"{name.lower()}:{value}"
    return f"request:{request_id}"
