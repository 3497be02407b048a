# One image for every role: `docker run parley api`, `write`, `work`, `migrate`, `serve`. deploy/compose.yaml runs them.

FROM python:3.13-slim-bookworm AS build
RUN pip install --no-cache-dir 'uv>=0.13,<0.14'
ENV UV_PROJECT_ENVIRONMENT=/opt/parley \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    HATCH_BUILD_HOOK_ENABLE_MYPYC=1
# Parley's own path of a create is compiled (pyproject.toml says what); what it needs is binary.
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# What Parley needs changes seldom and is a layer of its own.
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-dev --extra server --no-install-project --no-build
COPY README.md LICENSE ./
COPY src src
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-dev --extra server --no-editable

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="Parley" \
      org.opencontainers.image.description="A self-hosted chat backend: numbered, durable, searchable messages" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# The base image comes without bytecode; on a read-only root every start would compile the standard library anew.
RUN python -m compileall -q -x 'idlelib|site-packages|test' /usr/local/lib/python3.13 \
    && groupadd --gid 10001 parley \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/parley --shell /usr/sbin/nologin parley \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/parley
COPY --from=build /opt/parley /opt/parley
ENV PATH=/opt/parley/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PARLEY_DATA_DIR=/var/lib/parley
WORKDIR /var/lib/parley
USER 10001:10001
EXPOSE 3000 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["parley"]
