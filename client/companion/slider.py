"""A slider that tells its value while it is dragged; Streamlit's own tells it at the end."""

import streamlit as st

from asking import FLOOR

DEFAULT = 0.5
_HIGHEST = 0.95
_KEY = "confidence slider"
_HTML = f"""
<label for="confidence">Least confidence: <output>{DEFAULT:.2f}</output></label>
<input id="confidence" type="range" min="{FLOOR}" max="{_HIGHEST}" step="0.01"
  title="0 is a guess, 1 is certainty. Nothing is asked again.">
"""
_CSS = """
label { font: 0.875rem var(--st-font); color: var(--st-text-color) }
output { font-weight: 600 }
input { width: 100%; margin: 0.4rem 0 0; height: 1.5rem; accent-color: var(--st-primary-color) }
"""
# While the page is busy with one value, at most the newest of the next ones waits.
_JS = """
const PAUSE_MS = 100;
export default function ({ parentElement, data, setStateValue }) {
  const input = parentElement.querySelector("input");
  const output = parentElement.querySelector("output");
  const show = () => { output.textContent = Number(input.value).toFixed(2) };
  if (!parentElement.isReady) {
    parentElement.isReady = true;
    input.value = data.value;
    show();
  }
  let timer = null;
  input.oninput = () => {
    show();
    timer ??= setTimeout(() => {
      timer = null;
      setStateValue("value", Number(input.value));
    }, PAUSE_MS);
  };
}
"""
_slider = st.components.v2.component("confidence_slider", html=_HTML, css=_CSS, js=_JS)


def choose_confidence() -> float:
    """The least confidence of what is shown, in `[FLOOR, 0.95]`."""
    _slider(key=_KEY, data={"value": confidence()}, on_value_change=_keep)
    return confidence()


def confidence() -> float:
    """The chosen confidence."""
    return float(st.session_state.get("confidence", DEFAULT))


def _keep() -> None:
    value = float(st.session_state[_KEY]["value"])
    st.session_state.confidence = min(_HIGHEST, max(FLOOR, value))
