# Three images from one file; what needs nothing but Python comes first, the largest last.
#   docker build --target api .         the API alone: no Jupyter, no TensorFlow
#   docker build --target companion .   the web page that asks it: no detector
#   docker build .                      the lab: JupyterLab with everything
# Packages are those of the locks, each file checked by its hash. PYTHON_IMAGE takes a digest too.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS python
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# pip stays outside the environments that it fills: an image does not need it there.
RUN python -m venv --without-pip /opt/venv
WORKDIR /app

# What builds packages that come as source, ours among them: the setuptools of the lock.
FROM python AS build-tools
COPY requirements/lab.txt .
RUN sed -n '/^setuptools==/,/[^\\]$/p' lab.txt > build.txt \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes -r build.txt

FROM build-tools AS wheel
COPY LICENSE README.md pyproject.toml ./
COPY src src
RUN pip --python /opt/venv/bin/python wheel --no-cache-dir --no-deps --no-build-isolation \
    --wheel-dir /wheels .

# ---- api
FROM python AS api-packages
COPY requirements/image-api.txt .
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes \
    -r image-api.txt
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python AS api
ARG UID=10001
LABEL org.opencontainers.image.title="detectlab API" \
    org.opencontainers.image.description="Finds objects in pictures, over HTTP." \
    org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid ${UID} --home-dir /var/lib/detectlab --create-home --no-log-init detectlab
COPY --from=api-packages /opt/venv /opt/venv
# Downloaded detectors and received pictures: the only place that is written, for a volume.
ENV DETECTLAB_HOME=/var/lib/detectlab \
    DETECTLAB_CONTAINER=1
VOLUME /var/lib/detectlab
WORKDIR /var/lib/detectlab
USER ${UID}
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health'); exit(c.getresponse().status != 200)"]
# It refuses to start without DETECTLAB_API_KEY, or DETECTLAB_ALLOW_OPEN=1 where only you reach it.
CMD ["detectlab", "serve", "--host", "0.0.0.0", "--port", "8000"]

# ---- companion
FROM python AS companion-packages
COPY requirements/image-companion.txt .
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes \
    -r image-companion.txt

FROM python AS companion
ARG UID=10001
LABEL org.opencontainers.image.title="detectlab companion" \
    org.opencontainers.image.description="A web page that asks a detectlab server about pictures." \
    org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid ${UID} --home-dir /app --no-create-home --no-log-init detectlab
COPY --from=companion-packages /opt/venv /opt/venv
# Of our package it needs the client and the drawing.
COPY src/detectlab/__init__.py src/detectlab/
COPY src/detectlab/client src/detectlab/client
COPY src/detectlab/vision src/detectlab/vision
COPY images images
COPY client/companion client/companion
ENV PYTHONPATH=/app/src \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501
USER ${UID}
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8501, timeout=4); c.request('GET', '/_stcore/health'); exit(c.getresponse().status != 200)"]
CMD ["streamlit", "run", "client/companion/app.py"]

# ---- lab
FROM build-tools AS lab-packages
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-build-isolation \
    --require-hashes -r lab.txt

FROM python AS lab
# The names that Binder passes; any user may run the image, as long as the group stays 0.
ARG NB_USER=jovyan
ARG NB_UID=1000
LABEL org.opencontainers.image.title="detectlab lab" \
    org.opencontainers.image.description="Object detection from a notebook to a service." \
    org.opencontainers.image.licenses="Apache-2.0"
# What OpenCV with windows links to; versions are those of the Debian release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid ${NB_UID} --gid 0 --create-home --no-log-init --shell /bin/bash ${NB_USER}
COPY --from=lab-packages /opt/venv /opt/venv
ENV USER=${NB_USER} \
    HOME=/home/${NB_USER} \
    DETECTLAB_CONTAINER=1
WORKDIR ${HOME}
COPY --chown=${NB_UID}:0 . .
# Installed in place, so that what a learner reads and changes is what runs.
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m detectlab.course.lab_copies \
    && chown ${NB_UID}:0 ${HOME} \
    && chown -R -h ${NB_UID}:0 my-lab \
    && chmod -R g=u ${HOME}
USER ${NB_UID}
EXPOSE 8888 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8888, timeout=4); c.request('GET', '/api'); exit(c.getresponse().status != 200)"]
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "--MappingKernelManager.transport_encryption=auto", "--LabApp.default_url=/lab/tree/my-lab/notebooks/server.ipynb"]
