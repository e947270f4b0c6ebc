"""The page that leads to the server's live camera."""

import streamlit as st

from session import Visit
from status import plain


def show(visit: Visit) -> None:
    """Say where the live camera is: the browser sends frames to the server itself."""
    if visit.offer is None:
        return
    address = f"{visit.server.address.rstrip('/')}/live"
    st.subheader("Live camera", anchor=False)
    st.markdown(
        "The server's own page shows this device's camera with boxes on the moving picture, frames "
        "a second, the delay, and how many objects cross a line. Frames go from the browser to the "
        "server, are answered and forgotten; nothing is sent before **Start** there."
    )
    if "://" in address:
        st.link_button("Open the live camera", address, icon=":material/videocam:")
        st.caption(
            f"{plain(address)} must be reachable from this device. Browsers give their camera only "
            "to pages at https or localhost."
        )
    else:
        st.info("Test mode has no live camera: choose a server.", icon=":material/science:")
