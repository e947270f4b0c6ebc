"""The classes that the words in addresses such as `/count-potted-plants/` mean."""

import difflib
import re
from collections.abc import Iterator, Sequence

_IRREGULAR = {"person": "people", "mouse": "mice", "goose": "geese", "foot": "feet"}
_SAME = {"sheep", "skis", "scissors", "fish", "deer", "broccoli"}


class UnknownThing(LookupError):
    """No class of the detector has this name; the message has the nearest ones."""


def plural(noun: str) -> str:
    """The plural of an English noun.

    >>> plural("wine glass"), plural("knife"), plural("person"), plural("bench")
    ('wine glasses', 'knives', 'people', 'benches')
    """
    rest, _, word = noun.rpartition(" ")
    if word in _IRREGULAR:
        word = _IRREGULAR[word]
    elif word in _SAME:
        pass
    elif re.search(r"(s|x|z|ch|sh)$", word) or word in ("potato", "tomato"):
        word += "es"
    elif re.search(r"[^aeiou]y$", word):
        word = word[:-1] + "ies"
    elif re.search(r"[^f]fe$", word):
        word = word[:-2] + "ves"
    else:
        word += "s"
    return f"{rest} {word}".strip()


def class_of(things: str, classes: Sequence[str]) -> str:
    """The class that a word in an address means.

    Args:
        things: Singular or plural, in any case, with hyphens or spaces.
        classes: What the detector knows.

    Raises:
        UnknownThing: When it is none of them.

    >>> class_of("potted-plants", ["bottle", "pottedplant"])
    'pottedplant'
    """
    meanings = {_bare(word): name for name in classes for word in _words(name)}
    wanted = _bare(things)
    if wanted in meanings:
        return meanings[wanted]
    near = difflib.get_close_matches(wanted, meanings, n=3, cutoff=0.6)
    names = list(dict.fromkeys(meanings[word] for word in near)) or list(classes[:5])
    offers = ", ".join(f"/count-{plural(name).replace(' ', '-')}/" for name in names)
    hint = f"Did you mean {offers}?" if near else f"It knows, among others, {offers}."
    raise UnknownThing(f"This detector does not know {things[:40]!a}. {hint}")


def _words(name: str) -> Iterator[str]:
    yield name
    yield plural(name)
    yield name + "s"  # "persons", "mouses": not English, and clear enough


def _bare(words: str) -> str:
    # "potted-plants", "Potted plants" and COCO's own "pottedplant" are all the same.
    return re.sub(r"[\s_-]", "", words).casefold()
