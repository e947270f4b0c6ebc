"""Templates of the pages that the server writes."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def load_template(package: str, name: str) -> Template:
    """A template of a package; what it is given is escaped, and a missing value is an error.

    Args:
        package: Has a folder `templates`.
        name: Name of the file.
    """
    environment = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
