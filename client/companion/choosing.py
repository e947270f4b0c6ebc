"""What a visitor chooses: pictures, and detectors."""

from pathlib import Path

import streamlit as st

from asking import Offer
from pictures import ENDINGS, Picture, distinct, samples, thumbnail
from session import Session
from status import plain
from truths import labels_among, labels_beside

MOST_DETECTORS = 3
_MAX_UPLOAD_MB = 100

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
_CAMERA = """<p id="no-camera" role="status"></p><script>
(async () => {
  const place = document.getElementById("no-camera");
  if (!navigator.mediaDevices) {
    place.textContent = "The browser gives its camera only to pages at https or localhost.";
    return;
  }
  const devices = await navigator.mediaDevices.enumerateDevices();
  if (!devices.some((device) => device.kind === "videoinput"))
    place.textContent = "This machine has no camera, or the browser may not use it. Connect one "
      + "and switch this off and on again, or choose a picture above.";
})();
</script>"""


def choose_pictures(folder: Path) -> list[Picture]:
    """The chosen pictures, each once: uploaded, taken with the camera, or samples."""
    uploaded = st.file_uploader(
        "Drop pictures or a folder, paste, or choose",
        [*ENDINGS, "txt"],
        accept_multiple_files=True,
        max_upload_size=_MAX_UPLOAD_MB,
        key="uploaded",
        help="Labels in YOLO's form are shown as the truth: choose `apple.txt` for `apple.jpg`, "
        "and `classes.txt`, with the pictures.",
    )
    st.caption(
        "JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF; large ones are shrunk here. HEIC, an iPhone's "
        "format, is not read: export it as JPEG."
    )
    st.html(_PASTE, unsafe_allow_javascript=True, width="content")
    files = {file.name: file.getvalue() for file in uploaded}
    truths, problems = labels_among({k: v for k, v in files.items() if k.endswith(".txt")})
    for problem in problems:
        st.warning(plain(problem))
    chosen = [
        Picture(name, data, truth=truths.get(Path(name).stem))
        for name, data in files.items()
        if not name.endswith(".txt")
    ]
    chosen += _choose_samples(folder)
    taken = _take_picture()
    if taken:
        chosen.insert(0, taken)
    return Session.current().fit_all(distinct(chosen))


def _choose_samples(folder: Path) -> list[Picture]:
    known = samples(folder)
    if not known:
        return []

    def label(name: str) -> str:
        return f"![{plain(name)}]({_thumbnail(known[name])}) {plain(name)}"

    with st.container(key="samples_row"):
        names = st.pills(
            "Or try samples", list(known), selection_mode="multi", format_func=label, key="samples"
        )
    files = [known[name] for name in names]
    return [Picture(file.name, file.read_bytes(), truth=labels_beside(file)) for file in files]


def _take_picture() -> Picture | None:
    if not st.toggle("Use the camera", key="wants_camera"):
        return None
    st.html(_CAMERA, unsafe_allow_javascript=True)
    taken = st.camera_input("Take a picture", key="taken")
    return Picture("camera.jpg", taken.getvalue()) if taken else None


@st.cache_data(show_spinner=False, max_entries=200)
def _thumbnail(file: Path) -> str:
    return thumbnail(file)


def choose_detectors(offer: Offer) -> list[str]:
    """One detector, or up to three to compare."""
    chosen = st.pills(
        f"Detector, or up to {MOST_DETECTORS} to compare",
        offer.models,
        selection_mode="multi",
        default=offer.models[:1],
        key="detectors",
    )
    if offer.missing:
        _show_missing(offer)
    if not chosen:
        st.info("Choose a detector.", icon=":material/arrow_upward:")
    if len(chosen) > MOST_DETECTORS:
        st.info(f"Only the first {MOST_DETECTORS} detectors are compared.")
    return list(chosen)[:MOST_DETECTORS]


def _show_missing(offer: Offer) -> None:
    """The detectors that the server knows but cannot use, and what brings them there."""
    count = len(offer.missing)
    with st.popover(f"{count} more not on the server", icon=":material/cloud_off:"):
        st.markdown(
            "The server knows these, but has no files of them. On its machine, `detectlab models "
            "pull NAME` fetches one, **which needs a network**; then this page offers it."
        )
        lines = [
            f"- `{name}`" + (f" · {size / 1e6:.1f} MB" if size else "")
            for name, size in offer.missing.items()
        ]
        st.markdown("\n".join(lines))
