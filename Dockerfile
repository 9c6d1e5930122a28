# Two targets: `cpu`, the default, and `gpu`, which adds the CUDA libraries. Both hold the locked environment and
# no code: a clone is mounted at /workspace. `make image` and `make image-gpu` build them. `cpu-ray` and `gpu-ray` add
# Ray, for nodes of a cluster (docs/cluster.md); `make image-cpu-ray` builds one.
#
# For a build that repeats, name the base by digest: --build-arg BASE=debian:bookworm-slim@sha256:...
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS system
# Versions are Debian stable's: it keeps no older ones to ask for.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates dataset-fashion-mnist git make python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
# Git and libgit2 trust the mounted clone whoever owns it; libgit2 takes no wildcard. Any user may write the home
# directory and DVC's site cache.
RUN git config --system --add safe.directory /workspace \
 && mkdir -m 1777 /home/suite /var/tmp/dvc

FROM system AS suite
WORKDIR /opt/venv
COPY requirements.txt requirements.installed
# One package comes as source alone: it is built with the locked setuptools, else pip would fetch one unchecked.
# What nothing here reads is removed: headers, libclang, the packages' own tests, the fetcher of browsers, the stubs that
# complete a name in a terminal, the compiler of lock files.
# Pip comes and goes in the same layer.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/root/.cache/pip \
    apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && python3 -m venv --without-pip . \
 && awk '/^[a-z]/ {keep = /^(packaging|setuptools|wheel)==/} keep' requirements.installed > /tmp/builders.txt \
 && pip --python bin/python install --no-compile --require-hashes -r /tmp/builders.txt \
 && pip --python bin/python install --no-compile --require-hashes --no-build-isolation -r requirements.installed \
 && rm -rf lib/*/site-packages/tensorflow/include lib/*/site-packages/clang/native /tmp/* \
      lib/*/site-packages/jedi/third_party bin/uv bin/uvx \
 && find . -name 'selenium-manager*' -type f -delete \
 && find lib/*/site-packages/h5py lib/*/site-packages/networkx lib/*/site-packages/numpy lib/*/site-packages/pandas \
      lib/*/site-packages/scipy lib/*/site-packages/sklearn -type d -name tests -prune -exec rm -rf {} + \
 && bin/python -m compileall -q -j 0 lib \
 && apt-get purge -y --auto-remove python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
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
COPY requirements-gpu.txt /opt/venv/
# The CUDA libraries alone: all else is there. The loader finds them in every process, whatever its LD_LIBRARY_PATH,
# and XLA finds its assembler on PATH.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/root/.cache/pip \
    apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && awk '/^[a-z]/ {keep = /^nvidia-/} keep' /opt/venv/requirements-gpu.txt > /tmp/nvidia.txt \
 && pip --python /opt/venv/bin/python install --no-compile --require-hashes --no-deps -r /tmp/nvidia.txt \
 && rm /tmp/nvidia.txt \
 && ls -d /opt/venv/lib/*/site-packages/nvidia/*/lib > /etc/ld.so.conf.d/cuda.conf \
 && ldconfig \
 && ln -s /opt/venv/lib/*/site-packages/nvidia/cuda_nvcc/bin/ptxas /opt/venv/bin/ptxas \
 && apt-get purge -y --auto-remove python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
ARG REVISION=unknown
ARG SOURCE=
ENV SUITE_IMAGE=gpu SUITE_IMAGE_REVISION=${REVISION} SUITE_TRAINING_LOCK=requirements-gpu.txt \
    TF_FORCE_GPU_ALLOW_GROWTH=true NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.revision="${REVISION}" org.opencontainers.image.source="${SOURCE}"

FROM suite AS ray
# Ray and what the environment lacks of its closure, below a root of its own that both images copy; all else is there in
# the same versions. Nothing here reads what is removed.
COPY requirements-ray.txt /root/ray/opt/venv/requirements-ray.installed
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/root/.cache/pip \
    apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && awk '/^[a-z]/ {keep = /^(msgpack|ray)==/} keep' /root/ray/opt/venv/requirements-ray.installed > /tmp/ray.txt \
 && pip --python /opt/venv/bin/python install --root /root/ray --no-compile --require-hashes --no-deps -r /tmp/ray.txt \
 && rm -rf /root/ray/opt/venv/lib/*/site-packages/ray/jars \
 && /opt/venv/bin/python -m compileall -q -j 0 -s /root/ray /root/ray

FROM cpu AS cpu-ray
COPY --from=ray /root/ray /
ENV RAY_USAGE_STATS_ENABLED=0

FROM gpu AS gpu-ray
COPY --from=ray /root/ray /
ENV RAY_USAGE_STATS_ENABLED=0

FROM cpu
