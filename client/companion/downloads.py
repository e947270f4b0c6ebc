"""What can be kept of the results, behind one button above the pictures."""

from collections.abc import Sequence

import streamlit as st

import exports
import tables
from asking import Server
from detectlab.vision.drawing import Pixels
from showing import Row, drawn
from tables import Finding


def offer_downloads(server: Server, rows: Sequence[Row], confidence: float) -> None:
    """Buttons for drawn pictures, tables and labels; files are made when they are asked for."""
    pictures = {picture.name: picture for picture, _ in rows}
    findings = [finding for _, found in rows for finding in found]

    def draw(finding: Finding) -> Pixels:
        return drawn(server, pictures[finding.picture], finding, confidence)

    with st.popover("Download", icon=":material/download:"):
        if len(findings) == 1:
            stem = exports.file_stems(findings)[0]
            _button("PNG", f"{stem}.png", lambda: exports.as_png(draw(findings[0])))
        else:
            _button("ZIP", "pictures.zip", lambda: exports.as_zip(findings, draw))
        table = tables.object_table(findings, confidence)
        _button("CSV", "detections.csv", lambda: table.to_csv(index=False).encode())
        _button("JSON", "detections.json", lambda: tables.as_json(findings, confidence).encode())
        _button("YOLO labels", "yolo.zip", lambda: exports.as_yolo(findings, confidence))
        _button("COCO labels", "coco.json", lambda: exports.as_coco(findings, confidence).encode())


def _button(label: str, file_name: str, make: exports.Make) -> None:
    st.download_button(label, make, file_name, on_click="ignore", width="stretch", key=file_name)
