"""Which form of an answer a client wants, by its `Accept` header."""

from typing import Literal

Form = Literal["JSON", "JPEG", "PNG"]

_FORMS: dict[Form, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "JSON": "application/json",
}


def wanted_form(accept: str, own: Form = "JPEG") -> Form:
    """The form that fits an `Accept` header best.

    Of forms that fit equally, a named one goes before one that only a `*` covers, then the
    picture's own format, then the other one, then JSON. A header that fits none is passed over.

    Args:
        accept: The header's value, or nothing.
        own: The format in which the picture came.

    >>> wanted_form("*/*", "PNG"), wanted_form("application/json, */*"), wanted_form("image/*")
    ('PNG', 'JSON', 'JPEG')
    """
    ranges = [_parse(text) for text in accept[:1000].split(",")]
    order: list[Form] = [own, *(form for form in _FORMS if form != own)]
    scores = {form: _score(_FORMS[form], ranges) for form in order}
    return max(order, key=scores.__getitem__)  # the first of equals


def _parse(text: str) -> tuple[str, float]:
    """`"image/png;q=0.5"` to `("image/png", 0.5)`."""
    name, *parameters = [part.strip().lower() for part in text.split(";")]
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return name, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return name, 1.0


def _score(name: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """How well a media type fits: its quality, then how exactly it is named."""
    patterns = ("*/*", name.partition("/")[0] + "/*", name)  # vague to exact
    fits = [
        (patterns.index(pattern), quality) for pattern, quality in ranges if pattern in patterns
    ]
    exactness, quality = max(fits, default=(0, 0.0))
    return quality, exactness
