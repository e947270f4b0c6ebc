"""The companion: a web page that asks a detectlab server what is in pictures.

    streamlit run client/companion/app.py

It holds no detector: everything comes over HTTP from the server.
"""

import streamlit as st

from choosing import choose_confidence, choose_detectors, choose_pictures
from drawing import icon
from session import Session, Surroundings
from showing import show_comparison, show_objects, show_pictures
from status import choose_server, show_status

# Streamlit leaves much room above the first line, which a phone does not have.
_STYLE = "<style>[data-testid='stMainBlockContainer'] { padding-top: 3.5rem }</style>"


def main() -> None:
    """Build the page, from top to bottom."""
    st.set_page_config("detectlab", icon(), layout="wide")
    st.html(_STYLE)
    surroundings = Surroundings.read()
    server = choose_server(surroundings)
    offer = show_status(server, surroundings.advice)
    pictures = choose_pictures(surroundings.samples)
    if offer is None:
        return
    models = choose_detectors(offer)
    confidence = choose_confidence()
    session = Session.current()
    session.keep_views(pictures)
    findings = show_pictures(server, pictures, models, confidence)
    if findings:
        show_comparison(findings, confidence)
        show_objects(findings, confidence)


main()
