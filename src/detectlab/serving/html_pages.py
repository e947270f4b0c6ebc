"""Pages that the server writes: their templates, and who asks for them."""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from starlette.requests import Request


@cache
def load_template(package: str, name: str) -> Template:
    """A template of a package; what it is given is escaped, and a missing value is an error.

    It may extend `page.html` of this package, which holds the style and the navigation.

    Args:
        package: Has a folder `templates`.
        name: Name of the file.
    """
    packages = dict.fromkeys((package, "detectlab.serving"))
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(one, "templates") for one in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def page_headers(*more: str, default: str = "'none'") -> dict[str, str]:
    """Headers of a page that loads its icon and its style only, and that no page may frame.

    Args:
        more: Further directives of its policy, such as `script-src 'self'`.
        default: What else it may load.
    """
    directives = (
        f"default-src {default}",
        "img-src 'self' data: blob:",
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        *more,
    )
    return {"Content-Security-Policy": "; ".join(directives)}


def asks_for_page(request: Request) -> bool:
    """Whether a client asks for pages, as browsers do: programs that take anything get JSON."""
    accept = request.headers.get("accept", "")
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return request.method == "GET" and "text/html" in kinds and "application/json" not in kinds
