# The job in a container: the wheel and its locked dependencies, without what builds them. Needs BuildKit, Docker's default.
# BASE_IMAGE, KEDRO_UID and KEDRO_GID are what kedro docker build gives.
ARG BASE_IMAGE=python:3.12.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG UV_VERSION=0.13.9
# Optional parts of the project, with blanks between.
ARG EXTRAS="databricks notify"
# Where the network has certificates of its own, they are given as a secret, which stays out of the image:
# docker build --secret id=ca-certificates,src=/etc/ssl/certs/ca-certificates.crt .
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
SHELL ["/bin/bash", "-o", "errexit", "-o", "nounset", "-o", "pipefail", "-c"]
WORKDIR /build
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv tools && tools/bin/pip install --no-cache-dir --quiet "uv==${UV_VERSION}"

# First what changes seldom. Every file is held against the hash that uv.lock has of it.
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    read -r -a extras <<<"${EXTRAS}" || true; \
    tools/bin/uv export --quiet --locked --no-default-groups --no-emit-project "${extras[@]/#/--extra=}" --output-file run.txt; \
    tools/bin/uv export --quiet --locked --only-group build --output-file build.txt; \
    python3 -m venv --without-pip /opt/lending_club; \
    tools/bin/uv pip install --quiet --python /opt/lending_club --require-hashes --requirements run.txt; \
    # An eighth of it is tests of the packages that compute.
    find /opt/lending_club/lib/python3*/site-packages/{numpy,pandas,pyarrow,scipy} -type d -name tests -prune -exec rm -r {} +

COPY README.md ./
COPY conf conf
COPY src src
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    tools/bin/uv build --quiet --wheel --build-constraints build.txt --require-hashes; \
    tools/bin/uv pip install --quiet --python /opt/lending_club --no-deps dist/*.whl


FROM ${BASE_IMAGE}
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="lending_club" \
    org.opencontainers.image.description="Savings interest for a book of accounts: read, cleaned, reconciled to the cent and published" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# Who runs the job; docker run --user takes anybody who may write to the data.
ARG KEDRO_UID=1000
ARG KEDRO_GID=1000
# getpass asks for USER where /etc/passwd has nobody of that number.
ENV HOME=/home/kedro_docker \
    KEDRO_DISABLE_TELEMETRY=true \
    PATH=/opt/lending_club/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    USER=kedro_docker
COPY --from=build /opt/lending_club /opt/lending_club
# Where kedro docker run mounts conf/local and data. The package is in the environment; Kedro asks for the directory src.
WORKDIR /home/kedro_docker
COPY pyproject.toml ./
COPY conf conf
RUN mkdir --parents conf/local data src && chown "${KEDRO_UID}:${KEDRO_GID}" data \
    # A volume takes over the rights of the directory that it is mounted on: whoever Dagster's services run as.
    && mkdir --parents /opt/dagster/storage && chmod 1777 /opt/dagster/storage
USER ${KEDRO_UID}:${KEDRO_GID}
# As Ctrl-C: a run that is stopped cancels its statements and gives back its lock.
STOPSIGNAL SIGINT
CMD ["kedro", "run"]
