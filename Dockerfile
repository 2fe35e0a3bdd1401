# catflap in a container: one static program, nothing else. docs/docker.md says how to use it; compose.yaml has NapCat
# beside it.
#
#   docker build -t catflap --build-arg VERSION=$(git describe --tags --always) .
#
# TARGETARCH and TARGETVARIANT are set by BuildKit; the build itself runs on the machine's own processor.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG TARGETVARIANT
ARG VERSION=dev
WORKDIR /src
COPY . .
RUN GOARM="$(v="${TARGETVARIANT#v}"; [ "$TARGETARCH" = arm ] && echo "${v:-6}" || true)" \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -tags nethttpomithttp2 \
      -ldflags "-s -w -buildid= -X main.version=$VERSION" -o /out/usr/bin/catflap .
# The user and its folders, the roots of the certificates that models, alerts and media are reached with, and the time
# zones, for TZ.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates tzdata \
 && mkdir -p /out/etc/catflap /out/etc/ssl/certs /out/var/lib/catflap /out/usr/share /out/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && cp -r /usr/share/zoneinfo /out/usr/share/ \
 && echo 'catflap:x:65532:65532:catflap:/var/lib/catflap:/sbin/nologin' > /out/etc/passwd \
 && echo 'catflap:x:65532:' > /out/etc/group \
 && cp LICENSE /out/LICENSE \
 && chmod 1777 /out/tmp && chmod 0770 /out/etc/catflap && chmod 0750 /out/var/lib/catflap \
 && chown -R 65532:65532 /out/etc/catflap /out/var/lib/catflap

FROM scratch
COPY --from=build /out /
USER 65532:65532
ENV CATFLAP_CONFIG=/etc/catflap/catflap.yaml STATE_DIRECTORY=/var/lib/catflap
VOLUME ["/etc/catflap", "/var/lib/catflap"]
# NapCat, the gateway of the apps, the console.
EXPOSE 3001 6700 6750
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/usr/bin/catflap", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/catflap"]
CMD ["run"]
