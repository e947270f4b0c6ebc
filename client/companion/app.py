"""The companion: web pages that ask a detectlab server what is in pictures.

    streamlit run client/companion/app.py

It holds no detector: everything comes over HTTP from the server. A page is a module with a
function `show(visit)`, and an entry in `PAGES`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import streamlit as st

import label_page
import live_page
import picture_page
from drawing import icon
from session import Surroundings, Visit
from status import choose_server, show_status

# Streamlit leaves much room above the first line, which a phone does not have.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 3.75rem }
.st-key-heading h2 { font-size: clamp(1.2rem, 2.5vw, 2rem); padding: 0.2rem 0 }
.st-key-heading { flex-wrap: nowrap }
</style>"""


class Page(NamedTuple):
    """A page of the companion.

    Attributes:
        title: Its name in the menu.
        icon: Its icon there.
        path: Its address below the companion's.
        show: Builds it.
    """

    title: str
    icon: str
    path: str
    show: Callable[[Visit], None]


PAGES = (
    Page("Pictures", ":material/image:", "pictures", picture_page.show),
    Page("Live camera", ":material/videocam:", "live", live_page.show),
    Page("Label", ":material/label:", "label", label_page.show),
)


def main() -> None:
    """Build the chosen page, below the server and its status."""
    st.set_page_config("detectlab", icon(), layout="wide")
    st.html(_STYLE)
    surroundings = Surroundings.read()
    server = choose_server(surroundings)
    visit = Visit(surroundings, server, show_status(server, surroundings.advice))
    pages = [
        st.Page(partial(page.show, visit), title=page.title, icon=page.icon, url_path=page.path)
        for page in PAGES
    ]
    st.navigation(pages, position="top").run()


main()
