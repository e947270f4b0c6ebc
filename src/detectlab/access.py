"""Who may use the server."""

import hmac

from detectlab.settings import Settings


def is_right_key(given: str | None, settings: Settings) -> bool:
    """Whether `given` is the API key, or none is wanted; takes equally long for any wrong one."""
    if settings.api_key is None:
        return True
    wanted = settings.api_key.get_secret_value().encode()
    return hmac.compare_digest((given or "").encode("utf-8", "surrogateescape"), wanted)
