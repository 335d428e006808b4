# One image for every service; the command says which. The pages are built here, once: the bundle
# does not know its address (docs/adr/0003-one-port.md), so one image serves every installation.
FROM python:3.12-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH
WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY . .
ENV FLOWFORGE_DATA_DIR=/tmp/build REFLEX_DIR=/app/.reflex
RUN python -m flowforge build \
    && rm -rf .web/node_modules .states /tmp/build

FROM python:3.12-slim

RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin flowforge \
    && install -d -o flowforge -g flowforge /app /data
WORKDIR /app
COPY --from=build --chown=flowforge:flowforge /app /app
USER flowforge
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REFLEX_DIR=/app/.reflex \
    FLOWFORGE_HOST=0.0.0.0 \
    FLOWFORGE_DATA_DIR=/data
VOLUME /data
EXPOSE 3000
# PID 1 gets SIGTERM and hands it on: no shell in between.
ENTRYPOINT ["python", "-m", "flowforge"]
CMD ["web"]
