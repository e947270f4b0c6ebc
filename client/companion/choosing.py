"""What a visitor chooses: pictures, detectors, the least confidence."""

from pathlib import Path

import streamlit as st

from asking import FLOOR, Offer
from pictures import ENDINGS, Picture, distinct, samples

MOST_DETECTORS = 3

# Browsers do not paste into a file field by themselves.
_PASTE = """<script>
if (!window.pasteGoesToUpload) {
  window.pasteGoesToUpload = true;
  document.addEventListener("paste", (event) => {
    const field = document.querySelector('[data-testid="stFileUploader"] input[type="file"]');
    const pictures = [...event.clipboardData.files].filter((f) => f.type.startsWith("image/"));
    if (!field || !pictures.length) return;
    const transfer = new DataTransfer();
    pictures.forEach((picture) => transfer.items.add(picture));
    field.files = transfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
</script>"""


def choose_pictures(folder: Path) -> list[Picture]:
    """The chosen pictures, each once: uploaded, taken with the camera, or samples."""
    uploaded = st.file_uploader(
        "Drop pictures here, paste them, or choose files",
        list(ENDINGS),
        accept_multiple_files=True,
        key="uploaded",
    )
    st.html(_PASTE, unsafe_allow_javascript=True, width="content")
    chosen = [Picture(file.name, file.getvalue()) for file in uploaded]
    known = samples(folder)
    if known:
        names = st.pills("Or try a sample", list(known), selection_mode="multi", key="samples")
        chosen += [Picture(known[name].name, known[name].read_bytes()) for name in names]
    wants_camera = st.toggle("Use the camera", key="wants_camera")
    taken = st.camera_input("Take a picture", key="taken") if wants_camera else None
    if taken is not None:
        chosen.insert(0, Picture("camera.jpg", taken.getvalue()))
    return distinct(chosen)


def choose_detectors(offer: Offer) -> list[str]:
    """One detector, or up to three to compare."""
    known = [*offer.models, *offer.missing]

    def label(name: str) -> str:
        return name if name in offer.models else f":material/cloud_off: {name}"

    chosen = st.pills(
        f"Detector: choose up to {MOST_DETECTORS} to compare them",
        known,
        selection_mode="multi",
        default=known[:1],
        format_func=label,
        key="detectors",
        help=":material/cloud_off: is known to the server, but its files are not there."
        if offer.missing
        else None,
    )
    if not chosen:
        st.info("Choose a detector.", icon=":material/arrow_upward:")
    if len(chosen) > MOST_DETECTORS:
        st.info(f"Only the first {MOST_DETECTORS} detectors are compared.")
    return list(chosen)[:MOST_DETECTORS]


def choose_confidence() -> float:
    """The least confidence of what is shown."""
    help = "0 is a guess, 1 is certainty. Acts at once: nothing is asked again."
    return st.slider("Least confidence", FLOOR, 0.95, 0.5, 0.01, key="confidence", help=help)
