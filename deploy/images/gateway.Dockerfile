# gateway: the public API and the system of record. Built by `make images`, from the repository's root.
# BASE_IMAGE is a Python 3.11 "slim" image with its digest, PIP_INDEX_URL the package index: both are
# the builder's business, so neither is named here.
ARG BASE_IMAGE

FROM ${BASE_IMAGE} AS wheels
ARG PIP_INDEX_URL
WORKDIR /src
COPY constraints.txt pyproject.toml ./
RUN python -m pip install --no-cache-dir -c constraints.txt --only-binary=:all: --upgrade pip \
    && python -m pip install --no-cache-dir -c constraints.txt --only-binary=:all: --group build
COPY protos protos
COPY libs/protos libs/protos
COPY libs/core libs/core
COPY libs/runtime libs/runtime
COPY services/gateway services/gateway
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels ./libs/protos ./libs/core ./libs/runtime ./services/gateway

FROM wheels AS installed
ARG PIP_INDEX_URL
# Our own wheels by their files: a distribution of the same name on an index is never looked at.
RUN python -m venv --without-pip /opt/beatstitch \
    && python -m pip --python /opt/beatstitch/bin/python install --no-cache-dir -c constraints.txt \
       --only-binary=:all: /wheels/*.whl
# What is inside, for scanners; the tool that writes it stays outside.
RUN python -m venv /sbom \
    && /sbom/bin/python -m pip install --no-cache-dir -c constraints.txt --only-binary=:all: --upgrade pip \
    && /sbom/bin/python -m pip install --no-cache-dir -c constraints.txt --only-binary=:all: --group sbom \
    && mkdir /opt/beatstitch/share \
    && /sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON \
       --output-file /opt/beatstitch/share/sbom.cdx.json /opt/beatstitch/bin/python
COPY deploy/images/bin /opt/beatstitch/share

FROM ${BASE_IMAGE}
ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="beatstitch-gateway" \
      org.opencontainers.image.description="BeatStitch's gateway: the public API and the system of record" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Safe path: else the working folder is on Python's path, and with it in what decoders may read.
ENV PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    BEATSTITCH_GRPC_HOST=0.0.0.0 \
    BEATSTITCH_GRPC_PORT=50051 \
    BEATSTITCH_HTTP_HOST=0.0.0.0 \
    BEATSTITCH_HTTP_PORT=8080
COPY --from=installed /opt/beatstitch /opt/beatstitch
WORKDIR /tmp
USER 10001:10001
EXPOSE 50051 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/beatstitch/bin/python", "/opt/beatstitch/share/healthcheck.py"]
ENTRYPOINT ["/opt/beatstitch/bin/python", "-m", "beatstitch_gateway"]
