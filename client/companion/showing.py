"""Results on the page: pictures with boxes, their tools, comparison and tables."""

from collections.abc import Sequence
from dataclasses import replace

import altair as alt
import streamlit as st

import tables
from asking import Answer, Server
from detectlab.vision.drawing import Pixels
from drawing import draw
from pictures import NotAPicture, Picture
from pretending import STAMP, PretendServer
from session import Session
from status import plain
from tables import Finding
from truths import score, total

# Told apart by colour-blind people too, on light and dark ground (the first of Okabe and Ito's).
_LINES = ["#e69f00", "#56b4e9", "#009e73"]
_PAGE_SIZE = 12  # pictures shown at once
_MOST_COLUMNS = 3

Row = tuple[Picture, list[Finding]]


def ask_all(server: Server, pictures: Sequence[Picture], models: Sequence[str]) -> list[Row]:
    """Every detector's answer about every picture; a problem is shown instead of an answer."""
    session = Session.current()
    new = [it for it in pictures if not all(session.has_asked(server, it, m) for m in models)]
    bar = st.progress(0.0, f"Looking at {len(new)} pictures") if len(new) > 1 else None
    rows: list[Row] = []
    for picture in pictures:
        answers = [(model, _ask(server, picture, model)) for model in models]
        if bar and picture in new:
            bar.progress((new.index(picture) + 1) / len(new))
        size_wh = session.size_wh(picture)
        rows.append((picture, [Finding(picture.name, it, size_wh) for _, it in answers if it]))
    if bar:
        bar.empty()
    return rows


def _ask(server: Server, picture: Picture, model: str) -> Answer | None:
    session = Session.current()
    if session.has_asked(server, picture, model):
        answer = session.ask(server, picture, model)
    else:
        with st.spinner(f"{model} is looking at {plain(picture.name)}"):
            answer = session.ask(server, picture, model)
    if isinstance(answer, Answer):
        return answer
    st.error(
        f"{plain(picture.name)}, **{plain(model)}**: {plain(answer.text)}", icon=":material/error:"
    )
    if answer.may_pass:
        st.button(
            "Try again",
            key=f"again {model} {picture.digest}",
            on_click=session.forget_problems,
            icon=":material/refresh:",
        )
    return None


def drawn(server: Server, picture: Picture, finding: Finding, confidence: float) -> Pixels:
    """A picture with what is to be shown on it; raises `NotAPicture`."""
    stamp = STAMP if isinstance(server, PretendServer) else ""
    truth = picture.truth if st.session_state.get("shows_truth") else None
    return draw(Session.current().view(picture), finding.above(confidence), stamp, truth)


def show_rows(server: Server, rows: Sequence[Row], confidence: float) -> None:
    """All pictures: side by side for one detector, a line of each for several."""
    shown = st.session_state.get("shown", _PAGE_SIZE)
    models = max((len(findings) for _, findings in rows), default=0)
    if models == 1 and len(rows) > 1:
        columns = st.columns(min(_MOST_COLUMNS, len(rows)))
        for number, (picture, findings) in enumerate(rows[:shown]):
            with columns[number % len(columns)]:
                _show_row(server, picture, findings, confidence)
    else:
        for picture, findings in rows[:shown]:
            _show_row(server, picture, findings, confidence)
    if len(rows) > shown:
        more = min(_PAGE_SIZE, len(rows) - shown)
        if st.button(f"Show {more} more of {len(rows)} pictures", key="more"):
            st.session_state.shown = shown + _PAGE_SIZE
            st.rerun(scope="fragment")


def _show_row(
    server: Server, picture: Picture, findings: Sequence[Finding], confidence: float
) -> None:
    st.markdown(f"**{plain(picture.name)}**")
    if picture.note:
        st.caption(f":material/photo_size_select_large: {plain(picture.note)}")
    columns = st.columns(len(findings)) if len(findings) > 1 else [st.container()]
    for column, finding in zip(columns, findings, strict=False):
        with column:
            _show_finding(server, picture, finding, confidence)


def _show_finding(server: Server, picture: Picture, finding: Finding, confidence: float) -> None:
    answer, found = finding.answer, finding.above(confidence)
    counted = f"{len(found)} object" + ("" if len(found) == 1 else "s")
    classes = tables.count_classes(found)
    try:
        st.image(
            drawn(server, picture, finding, confidence),
            output_format="JPEG",
            alt=f"{picture.name} with what {answer.model} found: {classes}",
        )
    except NotAPicture as error:
        st.warning(str(error))
    st.markdown(
        f"**{plain(answer.model)}** · {counted} · {1000 * answer.seconds:.0f} ms · {plain(classes)}"
    )
    if picture.truth and st.session_state.get("shows_truth"):
        st.caption(f":material/verified: {score(found, picture.truth, finding.size_wh)}")
    if finding.answer.detections and not found:
        st.caption(f"Guesses that are not shown: {len(answer.detections)}.")


def choose_classes(rows: Sequence[Row]) -> list[Row]:
    """The rows with only the classes that the visitor wants to see."""
    findings = [finding for _, found in rows for finding in found]
    counts = tables.object_table(findings, 0.0)["class_name"].value_counts()
    wanted = st.pills(
        "Only these classes",
        [str(name) for name in counts.index],
        selection_mode="multi",
        format_func=plain,
        key="classes",
    )
    chosen = frozenset(wanted)
    return [(picture, [replace(it, classes=chosen) for it in found]) for picture, found in rows]


def show_comparison(rows: Sequence[Row], confidence: float) -> None:
    """Counts and times of each detector, and how the counts depend on the confidence."""
    findings = [finding for _, found in rows for finding in found]
    st.subheader("Detectors", anchor=False)
    if st.session_state.get("shows_truth"):
        _show_scores(rows, confidence)
    st.dataframe(tables.detector_table(findings, confidence), hide_index=True)
    curve = tables.count_curve(findings)
    lines = (
        alt.Chart(curve)
        .mark_line(interpolate="step-after")
        .encode(
            alt.X("confidence:Q", title="least confidence", scale=alt.Scale(domain=[0, 1])),
            alt.Y("objects:Q", title="objects", axis=alt.Axis(tickMinStep=1)),
            alt.Color("detector:N", sort=None, legend=alt.Legend(orient="top")).scale(range=_LINES),
        )
    )
    chosen = alt.Chart().mark_rule(strokeDash=[4, 4], color="#888").encode(x=alt.datum(confidence))
    st.altair_chart(lines + chosen, height=280)
    st.subheader("Objects", anchor=False)
    bar = st.column_config.ProgressColumn("confidence", min_value=0, max_value=1, format="%.2f")
    table = tables.object_table(findings, confidence)
    st.dataframe(table, hide_index=True, column_config={"confidence": bar})


def _show_scores(rows: Sequence[Row], confidence: float) -> None:
    labelled = [(picture, found) for picture, found in rows if picture.truth]
    models = list(dict.fromkeys(it.answer.model for _, found in labelled for it in found))
    for model in models:
        scores = [
            score(it.above(confidence), picture.truth, it.size_wh)
            for picture, found in labelled
            for it in found
            if picture.truth and it.answer.model == model
        ]
        st.markdown(f"**{plain(model)}**: {total(scores)}")
