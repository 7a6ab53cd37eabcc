#!/usr/bin/env bash
# Builds an image of deploy/Dockerfile and starts it as a cluster would: user 10001, read-only, no capabilities.
# By docker where its daemon answers; else, as root, by buildah, which needs no daemon. `make image` calls it.
#   TARGET=cuda deploy/image.sh          the image for GPUs; built, not started
#   BASE=IMAGE@sha256:DIGEST             what it is built on; with buildah by default Debian's own packages
#   PIP_CONF=FILE                        pip's settings for the build, e.g. a mirror; they stay out of the image
#   CA=FILE                              with buildah: certificates that such a mirror needs
#   MODELS=FOLDER                        what to serve; by default the tests' small network
set -euo pipefail
cd "$(dirname "$0")/.."
target=${TARGET:-cpu} image=phasekey-cloud:${TARGET:-cpu} scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
options=(--target "$target" -f deploy/Dockerfile -t "$image" ${PIP_CONF:+--secret "id=pip,src=$PIP_CONF"})

with_docker() {
    docker build "${options[@]}" ${BASE:+--build-arg "BASE=$BASE"} .
    [ "$target" = cpu ] || return 0
    local name
    name=$(docker run --detach --read-only --cap-drop ALL -v "$models:/models:ro" "$image" --insecure)
    until [ "$(docker inspect --format '{{.State.Health.Status}}' "$name")" = healthy ]; do
        [ "$(docker inspect --format '{{.State.Running}}' "$name")" = true ] || { docker logs "$name"; return 1; }
        sleep 1
    done
    docker stop --time 35 "$name"
    [ "$(docker wait "$name")" = 0 ] && docker rm "$name"
}

# A minimal Debian with Python, as an image: no registry is asked. Its python3 must be 3.11, as the hashes are.
debian_base() {
    mmdebstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$scratch/base.tar"
    local container
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$scratch/base.tar" /
    buildah commit --quiet --rm "$container" phasekey-base
}

with_buildah() {
    export BUILDAH_ISOLATION=chroot
    [ -n "${BASE:-}" ] || { debian_base; BASE=localhost/phasekey-base; }
    buildah bud --layers --network host "${options[@]}" --build-arg "BASE=$BASE" ${CA:+--volume "$CA:$CA:ro"} \
        --ignorefile deploy/Dockerfile.dockerignore .
    [ "$target" = cpu ] || return 0
    unshare --mount --propagation private "$BASH" -c "$(declare -f start_mounted); start_mounted $image $models"
}

start_mounted() {
    set -euo pipefail
    local container root variables server
    container=$(buildah from "localhost/$1")
    root=$(buildah mount "$container")
    mkdir -p "$root/models"
    mount --bind "$root" "$root" && mount --bind "$2" "$root/models" && mount -t proc proc "$root/proc"
    mount -o remount,bind,ro "$root" && mount -o remount,bind,ro "$root/models"
    mapfile -t variables < <(buildah inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$container" | grep .)
    in_image=(env -i "${variables[@]}" PHASEKEY_LISTEN=127.0.0.1:18001 PHASEKEY_HTTP=127.0.0.1:18002 \
        "$(command -v chroot)" --userspec=10001:10001 "$root")
    "${in_image[@]}" /opt/phasekey/bin/phasekey serve --insecure &
    server=$!
    until "${in_image[@]}" /opt/phasekey/bin/python /opt/healthcheck.py 127.0.0.1:18002; do
        kill -0 $server && sleep 1
    done
    grep -E '^(Uid|CapEff)' "/proc/$server/status"
    kill -TERM $server && wait $server
    echo "started, healthy, drained: status $?"
    umount "$root/proc" "$root/models" "$root" && buildah rm "$container" > /dev/null
}

if [ -z "${MODELS:-}" ]; then
    MODELS=$scratch/export/cloud
    .venv/bin/python -c "
from pathlib import Path
from tests.small_export import write_small_export
write_small_export(Path('$scratch/export'))"
    chmod -R a+rX "$scratch"
fi
models=$(realpath "$MODELS")
if docker info > /dev/null 2>&1; then with_docker; else with_buildah; fi
