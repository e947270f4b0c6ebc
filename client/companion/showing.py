"""Results on the page: pictures with boxes, comparison, tables, downloads."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

import tables
from asking import Answer, Server
from drawing import draw
from pictures import NotAPicture, Picture
from pretending import STAMP, PretendServer
from session import Session
from status import plain
from tables import Finding

# Told apart by colour-blind people too, on light and dark ground (the first of Okabe and Ito's).
_LINES = ["#e69f00", "#56b4e9", "#009e73"]


def show_pictures(
    server: Server,
    pictures: Sequence[Picture],
    models: Sequence[str],
    confidence: float,
) -> list[Finding]:
    """Each picture with its boxes, once for each detector, side by side; gives all answers."""
    findings: list[Finding] = []
    for picture in pictures:
        st.subheader(plain(picture.name), anchor=False)
        columns = st.columns(max(2, len(models)))
        for column, model in zip(columns, models, strict=False):
            with column:
                answer = _show_answer(server, picture, model, confidence)
            if answer:
                findings.append(Finding(picture.name, answer))
                if len(models) == 1:  # there is room beside it
                    with columns[1]:
                        _show_list(answer, confidence)
    return findings


def _show_list(answer: Answer, confidence: float) -> None:
    rows = [(found["class_name"], found["confidence"]) for found in answer.above(confidence)]
    if rows:
        bar = st.column_config.ProgressColumn("confidence", min_value=0, max_value=1, format="%.2f")
        table = pd.DataFrame(rows, columns=["object", "confidence"])
        st.dataframe(table, hide_index=True, column_config={"confidence": bar})


def _show_answer(server: Server, picture: Picture, model: str, confidence: float) -> Answer | None:
    session = Session.current()
    if session.has_asked(server, picture, model):
        answer = session.ask(server, picture, model)
    else:
        with st.spinner(f"{model} is looking at {plain(picture.name)}"):
            answer = session.ask(server, picture, model)
    if not isinstance(answer, Answer):
        st.error(f"**{plain(model)}**: {plain(answer.text)}", icon=":material/error:")
        if answer.may_pass:
            st.button(
                "Try again",
                key=f"again {model} {picture.digest}",
                on_click=session.forget_problems,
                icon=":material/refresh:",
            )
        return None
    found = answer.above(confidence)
    try:
        stamp = STAMP if isinstance(server, PretendServer) else ""
        st.image(draw(session.view(picture), found, stamp), output_format="JPEG")
    except NotAPicture as error:
        st.warning(str(error))
    count = f"{len(found)} object" + ("" if len(found) == 1 else "s")
    st.markdown(
        f"**{plain(answer.model)}** · {count} · {1000 * answer.seconds:.0f} ms  \n"
        f"{plain(tables.count_classes(found))}"
    )
    if answer.detections and not found:
        st.caption(f"It has {len(answer.detections)} guesses of which it is less sure.")
    return answer


def show_comparison(findings: Sequence[Finding], confidence: float) -> None:
    """Counts and times of each detector, and how the counts depend on the confidence."""
    st.subheader("Detectors", anchor=False)
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


def show_objects(findings: Sequence[Finding], confidence: float) -> None:
    """All objects in a table, and as files to keep."""
    st.subheader("Objects", anchor=False)
    table = tables.object_table(findings, confidence)
    st.dataframe(table, hide_index=True)
    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            table.to_csv(index=False).encode(),
            "detections.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            tables.as_json(findings, confidence),
            "detections.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
