# The product's image: operator, proxies and couriers, run as `shield-operator run`, `shield-proxy serve` and
# `shield-courier run`. It writes nothing, so its root may be read-only. Plain syntax: docker, buildah and kaniko build
# it, on every platform of the base image.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# The compiler, and Python's headers where the base image has none. They stay in this stage.
RUN apt-get -qq update \
 && apt-get -qq install -y --no-install-recommends gcc libc6-dev \
      $(python3 -c 'import os, sysconfig as s; print("" if os.path.exists(s.get_path("include") + "/Python.h") else "python3-dev")') \
      >/dev/null
RUN python3 -m venv /build \
 && python3 -m venv --without-pip --symlinks /opt/smart-shield
COPY requirements/build.txt requirements/image.txt requirements/
RUN /build/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/build.txt \
 && /build/bin/python -m pip --python /opt/smart-shield/bin/python install --quiet --no-compile \
      --require-hashes --only-binary :all: -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY proxy proxy
# Empty: the version the source names.
ARG VERSION=
RUN if [ -n "${VERSION}" ]; then \
      sed -i "s/^VERSION = .*/VERSION = \"${VERSION}\"/" proxy/shield_proxy/config/version.py; \
    fi \
 && /build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist . \
 && /build/bin/python -m pip --python /opt/smart-shield/bin/python install --quiet --no-compile --no-deps --no-index \
      /dist/*.whl \
 && /opt/smart-shield/bin/shield-proxy --version | grep compiled
COPY requirements/slim.py requirements/
RUN /opt/smart-shield/bin/python requirements/slim.py

FROM ${BASE}
ARG VERSION=
LABEL org.opencontainers.image.title="Smart Shield for Kubernetes" \
      org.opencontainers.image.description="An operator and a fleet of tiered caching proxies that shield origins" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# HOME, LOGNAME: the user has no entry in /etc/passwd, and libraries ask. PYTHONPYCACHEPREFIX: compiled modules, those
# of the standard library too, come from there, and none is written.
ENV PATH=/opt/smart-shield/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/ \
    LOGNAME=shield \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/smart-shield/compiled
COPY --from=build /opt/smart-shield /opt/smart-shield
USER 65532:65532
WORKDIR /
CMD ["shield-proxy", "--help"]
