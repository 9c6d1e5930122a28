# Two targets: `cpu`, the default, and `gpu`, which adds the CUDA libraries. Both hold the locked environment and
# no code: a clone is mounted at /workspace. `make image` and `make image-gpu` build them.
#
# For a build that repeats, name the base by digest: --build-arg BASE=debian:bookworm-slim@sha256:...
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS system
# Versions are Debian stable's: it keeps no older ones to ask for.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates dataset-fashion-mnist git make python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

# The environment is made here, so that what installs it stays behind.
FROM system AS packages
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /build/
# One package comes as source alone: it is built with the locked setuptools, else pip would fetch one unchecked.
# What nothing here reads stays behind: headers, libclang, the packages' own tests, the fetcher of browsers.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv --without-pip /opt/venv \
 && awk '/^[a-z]/ {keep = /^(packaging|setuptools|wheel)==/} keep' /build/requirements.txt > /build/builders.txt \
 && python3 -m pip --python /opt/venv/bin/python install --no-compile --require-hashes -r /build/builders.txt \
 && python3 -m pip --python /opt/venv/bin/python install --no-compile --require-hashes --no-build-isolation \
      -r /build/requirements.txt \
 && cp /build/requirements.txt /opt/venv/requirements.installed \
 && site=/opt/venv/lib/python3.11/site-packages \
 && rm -rf "$site/tensorflow/include" "$site/clang/native" \
 && find "$site/selenium" -name 'selenium-manager*' -type f -delete \
 && find "$site/networkx" "$site/numpy" "$site/pandas" "$site/scipy" "$site/sklearn" -type d -name tests -prune -exec rm -rf {} + \
 && /opt/venv/bin/python -m compileall -q -j 0 "$site"

# The CUDA libraries alone, where TensorFlow's own search path expects them.
FROM packages AS cuda
COPY requirements-gpu.txt /build/
RUN --mount=type=cache,target=/root/.cache/pip \
    awk '/^[a-z]/ {keep = /^nvidia-/} keep' /build/requirements-gpu.txt > /build/nvidia.txt \
 && python3 -m pip --python /opt/venv/bin/python install --no-compile --require-hashes --no-deps \
      --target /cuda/opt/venv/lib/python3.11/site-packages -r /build/nvidia.txt

FROM system AS suite
# Git and libgit2 trust the mounted clone whoever owns it; libgit2 takes no wildcard. Any user may write DVC's site
# cache and the home directory.
RUN git config --system --add safe.directory /workspace \
 && mkdir -m 1777 /home/suite /var/tmp/dvc
COPY --from=packages /opt/venv /opt/venv
COPY container/entry /usr/local/bin/suite-entry
ENV VENV=/opt/venv PATH=/opt/venv/bin:$PATH LANG=C.UTF-8 HOME=/home/suite \
    DVC_NO_ANALYTICS=true DVC_SITE_CACHE_DIR=/var/tmp/dvc
WORKDIR /workspace
ENTRYPOINT ["tini", "-g", "--", "suite-entry"]
CMD ["dvc", "repro"]
LABEL org.opencontainers.image.title="overfitting-suite" org.opencontainers.image.licenses="MIT"

FROM suite AS cpu
ARG REVISION=unknown
ARG SOURCE=
ENV SUITE_IMAGE=cpu SUITE_IMAGE_REVISION=${REVISION}
LABEL org.opencontainers.image.revision="${REVISION}" org.opencontainers.image.source="${SOURCE}"

FROM suite AS gpu
COPY --from=cuda /cuda /
# The loader finds the libraries in every process, whatever its LD_LIBRARY_PATH; XLA finds its assembler on PATH.
RUN printf '%s\n' /opt/venv/lib/python3.11/site-packages/nvidia/*/lib > /etc/ld.so.conf.d/cuda.conf \
 && ldconfig \
 && ln -s ../lib/python3.11/site-packages/nvidia/cuda_nvcc/bin/ptxas /opt/venv/bin/ptxas
ARG REVISION=unknown
ARG SOURCE=
ENV SUITE_IMAGE=gpu SUITE_IMAGE_REVISION=${REVISION} SUITE_TRAINING_LOCK=requirements-gpu.txt \
    TF_FORCE_GPU_ALLOW_GROWTH=true NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.revision="${REVISION}" org.opencontainers.image.source="${SOURCE}"

FROM cpu
