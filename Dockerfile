# rejoin in a container, as an ordinary user, its file on a volume.
#   docker build -t rejoin . && docker run -p 8080:8080 -v rejoin:/data rejoin
ARG BUILD_IMAGE=rust:1.95.0-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin rejoin && mkdir /empty-data

FROM ${RUN_IMAGE}
COPY --from=build /src/target/release/rejoin /usr/local/bin/rejoin
# The volume takes the owner of this folder.
COPY --from=build --chown=65532:65532 /empty-data /data
USER 65532:65532
ENV REJOIN_LISTEN=0.0.0.0:8080 \
    REJOIN_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=2s --retries=3 CMD ["/usr/local/bin/rejoin", "health"]
ENTRYPOINT ["/usr/local/bin/rejoin"]
