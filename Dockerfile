# rejoin in a container: one static binary and nothing else, as an ordinary user, its file on a volume.
#   docker build -t rejoin --build-arg REJOIN_COMMIT=$(git rev-parse --short=12 HEAD) .
#   docker run -p 127.0.0.1:8080:8080 -v rejoin:/data rejoin
ARG BUILD_IMAGE=rust:1.95.0-bookworm
# Where the binary comes from: the stage below. deploy/release.sh names an image that has it already.
ARG BINARY_IMAGE=build

FROM ${BUILD_IMAGE} AS build
# The build's context has no repository that would tell it.
ARG REJOIN_COMMIT=
WORKDIR /src
COPY . .
RUN deploy/build-static.sh /binary/rejoin && mkdir /binary/data

FROM ${BINARY_IMAGE} AS binary

FROM scratch
COPY --from=binary /binary/rejoin /usr/local/bin/rejoin
# The volume takes the owner of this folder.
COPY --from=binary --chown=65532:65532 /binary/data /data
USER 65532:65532
ENV REJOIN_LISTEN=0.0.0.0:8080 \
    REJOIN_DATA_DIR=/data \
    REJOIN_BACKUP_DIR=/data/backups
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=2s --retries=3 CMD ["/usr/local/bin/rejoin", "health"]
ENTRYPOINT ["/usr/local/bin/rejoin"]
