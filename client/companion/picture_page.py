"""The page that shows what detectors find in pictures."""

import hashlib
from collections.abc import Sequence

import streamlit as st

from asking import Server
from choosing import choose_detectors, choose_pictures
from downloads import offer_downloads
from pictures import Picture
from session import Session, Visit
from showing import ask_all, choose_classes, show_comparison, show_rows
from slider import choose_confidence

# Slider and picture fit on a projector and on a phone together; samples are pictures to tap on.
_STYLE = """<style>
[data-testid="stImage"] img { max-height: calc(100vh - 21rem); width: auto; max-width: 100% }
.st-key-results { scroll-margin-top: 3.5rem }
.st-key-samples_row button { height: auto; padding: 0.2rem; border-radius: 0.5rem }
.st-key-samples_row button p { display: flex; flex-direction: column; font-size: 0.7rem }
.st-key-samples_row button img { max-height: 3.4rem; width: 4.5rem; border-radius: 0.3rem }
@media (min-width: 641px) {
  .st-key-choices { position: sticky; top: 3.5rem; overflow-y: auto }
  .st-key-choices { max-height: calc(100vh - 4rem); padding: 0 0.3rem 1rem }
}
@media (max-width: 640px) {
  [data-testid="stImage"] img { max-height: calc(100vh - 22rem) }
  .st-key-samples_row [role="radiogroup"], .st-key-samples_row [role="group"],
  .st-key-samples_row [data-testid="stButtonGroup"] > div { flex-wrap: nowrap; overflow-x: auto }
  .st-key-samples_row button { flex: none }
}
</style>"""
_SCROLL = """<script>
{ // %s
  const results = document.querySelector(".st-key-results");
  const y = results.getBoundingClientRect().top;
  if (y < 0 || y > window.innerHeight / 3) results.scrollIntoView();
}
</script>"""


def show(visit: Visit) -> None:
    """Choose pictures and detectors on the left, and see the answers on the right."""
    st.html(_STYLE)
    left, right = st.columns([2, 5], gap="medium")
    with left, st.container(key="choices"):
        pictures = choose_pictures(visit.surroundings.samples)
        if visit.offer is None:
            return
        models = choose_detectors(visit.offer)
    Session.current().keep_views(pictures)
    with right, st.container(key="results"):
        if not pictures:
            st.info("Choose a picture: what is in it is shown here.", icon=":material/image:")
        elif models:
            _show_results(visit.server, pictures, models)
    if pictures:
        _scroll_to_results(pictures)


@st.fragment
def _show_results(server: Server, pictures: Sequence[Picture], models: Sequence[str]) -> None:
    """Everything that depends on the confidence: built anew while the slider moves."""
    with st.container(key="tools", horizontal=True, vertical_alignment="bottom"):
        confidence = choose_confidence()
        filters, downloads = st.popover("Show", icon=":material/visibility:"), st.container()
    rows = ask_all(server, pictures, models)
    if not any(found for _, found in rows):
        return
    with filters:
        rows = choose_classes(rows)
        if any(picture.truth for picture in pictures):
            st.toggle("The truth, as labelled", key="shows_truth")
    with downloads:
        offer_downloads(server, rows, confidence)
    show_rows(server, rows, confidence)
    show_comparison(rows, confidence)


def _scroll_to_results(pictures: Sequence[Picture]) -> None:
    """Bring the pictures into view, once for each choice."""
    choice = hashlib.sha256("".join(it.digest for it in pictures).encode()).hexdigest()
    st.html(_SCROLL % choice, unsafe_allow_javascript=True)
