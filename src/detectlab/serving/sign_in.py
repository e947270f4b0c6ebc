"""Sign-in of browsers, which send no keys: a cookie stands for the key on pages that are read."""

import hashlib
import hmac
import re
import time

COOKIE = "detectlab-sign-in"
LASTS_S = 12 * 3600
_PAGE = re.compile(r"[a-z]+([/.-][a-z]+)*")


def issue(secret: str) -> str:
    """The value of a cookie that is valid for `LASTS_S` from now; the secret cannot be read in it.

    Args:
        secret: The API key or the operators' token: with another one, the cookie is invalid.
    """
    until = str(int(time.time()) + LASTS_S)
    return f"{until}.{_signature(until, secret)}"


def is_signed_in(cookie: str, secret: str) -> bool:
    """Whether a cookie was issued for a secret, and is still valid.

    Args:
        cookie: Its value, or nothing.
        secret: The API key or the operators' token.
    """
    until, _, signature = cookie.partition(".")
    if not (until.isascii() and until.isdecimal() and len(until) < 12):
        return False
    is_ours = hmac.compare_digest(signature.encode(), _signature(until, secret).encode())
    return is_ours and time.time() < int(until)


def sign_in_address(path: str) -> str:
    """The address of the sign-in page, relative to a page of the same server.

    Args:
        path: The page's path, without the prefix of a proxy.

    Examples:
        >>> sign_in_address("/rollout/report.html")
        '../sign-in?next=rollout/report.html'
    """
    page = path.lstrip("/")
    return f"{'../' * page.count('/')}sign-in?next={page}"


def page_of_this_server(name: str) -> str:
    """`name` where it can only be a page of this server, relative to its root; else its first one.

    Examples:
        >>> page_of_this_server("monitoring"), page_of_this_server("//evil.example")
        ('monitoring', './')
    """
    return name if _PAGE.fullmatch(name) else "./"


def _signature(until: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"sign-in until {until}".encode(), hashlib.sha256).hexdigest()
