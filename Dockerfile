# The image of every Tandem process: web, migrate, commands.
ARG BASE=docker.io/library/python:3.13-slim-trixie
FROM ${BASE} AS build
WORKDIR /app
COPY requirements.txt .
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt

FROM ${BASE}
# `manage.py backup` and `restore` call pg_dump, pg_restore and psql. Debian's serve PostgreSQL 15 to 17.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# One heap for all threads, for the interpreter's lock lets one of them work at a time: of several, each keeps what it once took.
# What takes a MiB and more, a password's hash above all, stands beside the heap and is given back at once; in huge pages, for
# the system would take longer to hand out small ones than the heap saves.
ENV GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=1048576:glibc.malloc.hugetlb=1
# A new volume takes over the owner of the folder that it is mounted on.
RUN groupadd --gid 10001 tandem \
    && useradd --uid 10001 --gid tandem --no-create-home --shell /usr/sbin/nologin tandem \
    && install --directory --owner 10001 --group 10001 /media /backups
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py requirements.txt ./
COPY cms cms
COPY api_v1 api_v1
COPY api_v2 api_v2
COPY canary canary
RUN python3 -m compileall -q cms api_v1 api_v2 canary
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "cms.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--config", "python:cms.gunicorn", "--no-control-socket", "--limit-request-line", "8190", "--worker-tmp-dir", "/dev/shm"]
