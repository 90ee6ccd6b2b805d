# `shipseg serve` without torch. docs/deploy.md tells how to run it.
#
#   docker build -t shipseg .
#
# Name an image by digest to have the same bytes each time:
#   docker build --build-arg PYTHON_IMAGE=python@sha256:... -t shipseg .
ARG PYTHON_IMAGE=python:3.13.9-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# An environment of its own: only it goes into the image, without pip's cache and the sources.
RUN python -m venv /opt/shipseg \
    && /opt/shipseg/bin/pip install --no-cache-dir --disable-pip-version-check '.[serve]'

FROM ${PYTHON_IMAGE}
# GDAL in rasterio's wheel leaves expat to the system, and the slim image has none. Its version is
# that of the Debian release, so that fixes of its holes get in.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libexpat1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin shipseg \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/shipseg
COPY --from=build /opt/shipseg /opt/shipseg
# Uploads wait beside the jobs: a /tmp in memory would be filled by one large scene. glibc makes an
# arena for each thread, which memory never leaves; two are enough for numpy.
ENV PATH=/opt/shipseg/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/var/lib/shipseg \
    MALLOC_ARENA_MAX=2
USER 10001:10001
VOLUME /var/lib/shipseg
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["shipseg", "serve", "--host", "0.0.0.0", "--port", "8000", "--state", "/var/lib/shipseg"]
