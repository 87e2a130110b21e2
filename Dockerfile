# The pipeline in a container: the locked packages, mmcv compiled by scripts/setup.sh as everywhere. Nobody's root.
#   docker build -t anchorprune .
#   docker run --rm -v "$PWD/results:/opt/anchorprune/results" anchorprune snakemake --cores 2
# Another base (one with nvcc, say) wants Python 3.11 or later, its headers and pip: --build-arg BASE=NAME:TAG
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# Debian keeps one version of a release's package: a pinned one would be gone with the next security fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/anchorprune
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1
COPY README.md LICENSE pyproject.toml requirements.lock ./
COPY scripts scripts
COPY anchorprune anchorprune
COPY snakemake_logger_plugin_anchorprune snakemake_logger_plugin_anchorprune
RUN scripts/setup.sh --here && rm -rf /opt/venv/wheels

FROM ${BASE}
# kubectl, for the profile `kubernetes`.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends kubernetes-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 anchorprune
COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/anchorprune
COPY --from=build /opt/anchorprune ./
COPY Snakefile environment.yml environment.post-deploy.sh ./
COPY rules rules
COPY config config
COPY profiles profiles
RUN mkdir results && chown anchorprune . results
# Caches where any user may write: a cluster may run this as a user of its own choosing, whom no file names.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp USER=anchorprune XDG_CACHE_HOME=/tmp/cache NUMBA_CACHE_DIR=/tmp/cache/numba
USER 1000
# No entry point, so that a cluster's jobs and any command start alike.
CMD ["snakemake", "--help"]
