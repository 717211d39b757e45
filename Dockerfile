# An image with the gate, OPA, grype and syft. Nothing is downloaded in the build: the context is the archive of `make airgap`,
# unpacked, whose installer compares every file with its recorded digest and takes wheels by hash.
#
#   make airgap && tar -xf build/policy-gate-airgap.tar -C build
#   buildah build --build-arg BASE=docker.io/library/python@sha256:… -f Dockerfile build/policy-gate-airgap
#
# BASE has no default, as no digest that nobody looked at should be one: a Debian-like image with the Python named in the file
# PYTHON of the archive, by digest. It needs python3 with venv to build, and python3 and sh to run: gate-ci is a shell script.
ARG BASE
FROM ${BASE} AS install
COPY . /source
RUN ["/source/install", "/opt/policy-gate"]
RUN ["mkdir", "-p", "/home/gate"]

ARG BASE
FROM ${BASE}
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="policy-gate" \
      org.opencontainers.image.description="Decides whether a container image may ship" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=install --chown=0:0 /opt/policy-gate /opt/policy-gate
COPY --from=install --chown=65532:65532 /home/gate /home/gate
ENV PATH=/opt/policy-gate/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/home/gate \
    PYTHONDONTWRITEBYTECODE=1 \
    GRYPE_DB_CACHE_DIR=/opt/policy-gate/share/policy-gate/grype \
    GRYPE_DB_AUTO_UPDATE=false \
    GRYPE_CHECK_FOR_APP_UPDATE=false \
    SYFT_CHECK_FOR_APP_UPDATE=false
# Numeric, so that Kubernetes can tell that it is not root; it owns nothing but its home, so the root file system may be read-only.
USER 65532:65532
WORKDIR /home/gate
ENTRYPOINT ["/opt/policy-gate/bin/gate"]
CMD ["--help"]
