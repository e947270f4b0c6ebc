"""What the cluster notebook needs, as far as it needs no cluster."""

import io
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from detectlab.detections import Detections
from detectlab.scale import lab as scale_lab
from detectlab.scale.lab import Lab, NotInstalled
from detectlab.scale.patient import Patient
from detectlab.scale.traffic import Traffic

GREY = np.full((48, 64, 3), 127, np.uint8)


class FindsNothing:
    name = "nothing"
    names = ("apple",)

    def detect(self, image, confidence=0.5, nms_threshold=0.3):
        return Detections.empty(self.names)


def test_patient_detector_answers_the_same_later():
    patient = Patient(FindsNothing(), seconds=0.05)
    started = time.monotonic()

    found = patient.detect(GREY)

    assert time.monotonic() - started >= 0.05
    assert len(found) == 0
    assert (patient.name, patient.names) == ("nothing", ("apple",))


def test_lab_without_ray_says_what_to_do_in_one_sentence(monkeypatch):
    monkeypatch.setattr(scale_lab, "find_spec", lambda name: None)

    with pytest.raises(NotInstalled, match=r"run `make setup-scale` in a terminal") as refused:
        Lab.start()

    assert refused.value._render_traceback_() == [str(refused.value)]


def test_traffic_to_nobody_counts_what_failed_and_draws_it():
    with Traffic("http://127.0.0.1:9", b"a picture", clients=2, count=lambda: 1) as traffic:
        traffic.mark("begin")
        until = time.monotonic() + 10
        while traffic.failed < 3 and time.monotonic() < until:
            time.sleep(0.01)

    assert traffic.answered == 0
    assert traffic.failed >= 3
    assert [why[:15] for why in traffic.failures] == ["Nothing answers"]
    assert traffic.rate() == 0
    assert Counter(traffic.failures).total() == traffic.failed
    with Image.open(io.BytesIO(traffic.plot())) as picture:
        assert (picture.format, picture.width) == ("JPEG", 800)
