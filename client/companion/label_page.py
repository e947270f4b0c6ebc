"""The page on which a person corrects what a detector found."""

import base64
from pathlib import Path
from typing import Any

import streamlit as st

from asking import Answer
from label_files import Box, LabelFolder
from pictures import NotAPicture, Picture
from session import Session, Visit

_CANVAS = Path(__file__).parent / "labelling"
_CONFIDENCE = 0.3  # boxes that are deleted quickly are better than boxes that are missing
_HOW = (
    "Draw with the mouse or a finger (with **Shift** also inside another box); drag a box to move "
    "it, its corners to resize it. Keys: **1** to **9** choose the class, **Delete** removes the "
    "box, **Enter** saves and goes on."
)


def show(visit: Visit) -> None:
    """Show the pictures one after the other, those that are not labelled first."""
    path = visit.surroundings.labels
    if path is None:
        st.info(
            "Choose pictures with `detectlab collect --out FOLDER`, and start this page with "
            "`DETECTLAB_LABELS=FOLDER`.",
            icon=":material/label:",
        )
        return
    try:
        folder = LabelFolder.open(path)
        _show_folder(visit, folder)
    except (ValueError, NotAPicture) as error:
        st.error(str(error), icon=":material/error:")


def _show_folder(visit: Visit, folder: LabelFolder) -> None:
    count, done = len(folder.pictures), folder.labelled
    first = next((i for i, it in enumerate(folder.pictures) if not folder.is_labelled(it)), 0)
    index = min(st.session_state.setdefault("label_index", first), count - 1)
    name = folder.pictures[index]
    st.progress(done / count, f"{done} of {count} pictures are labelled; this is {name}")
    if problem := st.session_state.pop("label_problem", ""):
        st.error(problem, icon=":material/error:")
    if done == count:
        st.success(
            f"All are labelled. Next: `python -m training.finetune --corrected {folder.path} "
            "--known images --out candidate`. Better than the few pictures in `images` is a folder "
            "of labelled ones like those that the detector answered well before.",
            icon=":material/check:",
        )
    picture = Picture(name, (folder.path / name).read_bytes())
    data = {
        "name": name,
        "classes": list(folder.classes),
        "boxes": _start(visit, folder, picture),
        "picture": f"data:image/*;base64,{base64.b64encode(picture.data).decode()}",
        "version": st.session_state.get("label_version", 0),
    }
    st.caption(_HOW)
    canvas = _canvas()
    canvas(data=data, key="label_canvas", height="content", on_saved_change=lambda: _save(folder))


def _canvas() -> Any:
    """The component, registered anew for each run: another session may have a newer one."""
    html, css, js = ((_CANVAS / f"canvas.{kind}").read_text() for kind in ("html", "css", "js"))
    return st.components.v2.component("detectlab_labelling", html=html, css=css, js=js)


def _start(visit: Visit, folder: LabelFolder, picture: Picture) -> list[Box]:
    """The boxes to begin with: those that were saved, else reported, else the detector's."""
    if folder.is_labelled(picture.name):
        return folder.read(picture.name)
    session = Session.current()
    size_wh = session.view(picture).size_wh
    reported = folder.reported(picture.name, size_wh)
    if reported is not None or visit.offer is None:
        return reported or []
    (fitted,) = session.fit_all([picture])
    answer = session.ask(visit.server, fitted, visit.offer.models[0])
    if not isinstance(answer, Answer):
        return []
    return [
        folder.box(it["class_name"], (it["x_min"], it["y_min"], it["x_max"], it["y_max"]), size_wh)
        for it in answer.above(_CONFIDENCE)
        if it["class_name"] in folder.classes
    ]


def _save(folder: LabelFolder) -> None:
    """Save what the page sent, and go on."""
    saved = st.session_state["label_canvas"]["saved"]
    if not saved:
        return
    try:
        folder.save(saved["name"], saved["boxes"])
    except ValueError as error:
        st.session_state["label_problem"] = str(error)
        return
    index = folder.pictures.index(saved["name"]) + saved["step"]
    st.session_state["label_index"] = index % len(folder.pictures)
    st.session_state["label_version"] = st.session_state.get("label_version", 0) + 1
