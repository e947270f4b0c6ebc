"""Which side a key belongs to: always the same one, in every process."""

import hashlib

from detectlab.rollout.plan import RolloutPlan, SideName


def position(key: str, salt: str) -> float:
    """Where a key stands among all keys, in `[0, 1)`.

    A digest, since Python's `hash()` of a string differs from process to process.

    Args:
        key: What stays the same for a client.
        salt: Another one mixes the keys anew: it need not be the same clients every time.
    """
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8)
    digest.update(b"\0" + salt.encode())
    # The upper 53 bits: as many as a float holds exactly, so the result stays below 1.
    return (int.from_bytes(digest.digest(), "big") >> 11) / 2**53


def falls_within(key: str, share: float, salt: str) -> bool:
    """Whether a key is among the first `share` of all keys.

    The same keys as long as the share stays, and these and more when it grows.
    """
    return position(key, salt) < share


def side_of(plan: RolloutPlan, key: str) -> SideName:
    """Which side of a plan answers a request with this key."""
    if plan.mode == "canary" and plan.candidate:
        # Salted with the candidate: the next one is tried on other clients.
        chosen = falls_within(key, plan.canary.share, plan.candidate.label)
        return "candidate" if chosen else "stable"
    return "candidate" if plan.live == "green" else "stable"
