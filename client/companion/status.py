"""The choice of a server, and its status."""

import re

import streamlit as st

from asking import Offer, Problem, Server
from pretending import PretendServer
from session import LOOK_EVERY_S, Session, Surroundings


def plain(text: str) -> str:
    """Escape foreign text for Markdown, except `code` between backticks."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_\[\]$<>:#~|])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def choose_server(surroundings: Surroundings) -> Server:
    """The heading, and behind a button the server's address and key, and test mode."""
    heading = st.container(horizontal=True, vertical_alignment="center", key="heading")
    heading.header("What is in the picture?", anchor=False)
    with heading.popover("Server", icon=":material/dns:"):
        address = st.text_input(
            "Address",
            surroundings.server,
            key="address",
            disabled=surroundings.is_locked,
            help="As `detectlab serve` or the notebook's cell prints it.",
        )
        api_key = st.text_input("Key, if it wants one", key="api_key", type="password")
        is_test = st.toggle("Test mode", key="test_mode", help="Made-up answers without a server.")
    return surroundings.choose_server(address, api_key, is_test)


def show_status(server: Server, advice: str) -> Offer | None:
    """One line about the server, kept up to date.

    Args:
        server: The server.
        advice: What to do when it does not answer.

    Returns:
        What the server offers, or offered when it last answered; its answers stay on the page.
    """
    session = Session.current()
    _watch(server, session.look(server), advice)
    return session.offers.get(server.address)


@st.fragment(run_every=LOOK_EVERY_S)
def _watch(server: Server, shown: Offer | Problem, advice: str) -> None:
    seen = Session.current().look(server, LOOK_EVERY_S / 2)
    if seen != shown:
        st.rerun()  # the whole page: what can be chosen has changed
    if isinstance(seen, Problem):
        st.error(
            f"**There is no server to ask.** {plain(seen.text)}\n\n{advice} This page goes on by "
            "itself once it answers.",
            icon=":material/cloud_off:",
        )
    elif isinstance(server, PretendServer):
        st.warning(
            "**Test mode.** No server is asked: all boxes, classes and times are made up. Switch "
            "it off under **Server**.",
            icon=":material/science:",
        )
    else:
        count = f"{len(seen.models)} detector" + ("" if len(seen.models) == 1 else "s")
        names = plain(", ".join(seen.models))
        st.caption(
            f":green[:material/check_circle:] **{plain(seen.title)} {plain(seen.version)}** is "
            f"alive at `{server.address}` with {count}: {names}"
            + (" · :orange[It keeps the pictures that it receives.]" if seen.keeps_pictures else "")
        )
