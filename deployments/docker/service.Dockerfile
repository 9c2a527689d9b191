# One file for every service: docker build -f deployments/docker/service.Dockerfile --build-arg SERVICE=billing .
#
# Without the workspace: go.work names modules that a service's image has no business with, and every one of them would
# have to be copied. The replace lines in go.mod lead to the two that it needs.
FROM golang:1.26 AS build
ARG SERVICE
ARG VERSION=""
ENV GOWORK=off CGO_ENABLED=0 GOMODCACHE=/cache/modules GOCACHE=/cache/build
WORKDIR /src
COPY pkg pkg
COPY platform platform
COPY services/${SERVICE} services/${SERVICE}
WORKDIR /src/services/${SERVICE}
RUN --mount=type=cache,target=/cache \
    go build -trimpath -ldflags="-s -w -X example.com/baton/pkg/buildinfo.version=${VERSION}" -o /out/service ./cmd/${SERVICE} \
    && install -d -m 0750 -o 65532 -g 65532 /out/data \
    && cp config.yaml /out/config.yaml

# Nothing but the binary, its configuration and the certificates by which it knows its peers. Time zones are in the binary.
FROM scratch
ARG SERVICE
LABEL org.opencontainers.image.title="${SERVICE}" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out /app
WORKDIR /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/app/service"]
CMD ["serve"]
