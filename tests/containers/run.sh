#!/bin/sh
# `make test-containers`: builds the three images with podman and checks them, with or without a
# registry. Needs root and, on Debian: apt-get install --no-install-recommends buildah podman runc
# debootstrap netavark aardvark-dns iptables slirp4netns catatonit iproute2
set -eu
cd "$(dirname "$0")/../.."

for tool in podman runc unshare ip; do
    command -v "$tool" > /dev/null || {
        echo "make test-containers needs $tool; tests/containers/run.sh says what to install." >&2
        exit 1
    }
done
[ "$(id -u)" -eq 0 ] || {
    echo "make test-containers needs root: sudo make test-containers" >&2
    exit 1
}

folder=build/containers
tests/containers/engine.sh "$folder"
# shellcheck disable=SC1090,SC1091
. "$folder/environment"
if ! [ -x "$folder/venv/bin/podman-compose" ]; then
    .venv/bin/python -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet podman-compose==1.6.0
fi

: > "$folder/build-seconds"
for target in api companion lab; do
    started=$(date +%s)
    podman build --quiet --pull=never --format docker --target "$target" \
        --tag "detectlab-$target" . > "$folder/build-$target.log"
    echo "$target $(($(date +%s) - started))" >> "$folder/build-seconds"
done

# In a network of their own, the containers' ports are nobody else's.
exec unshare --net --mount sh -c '
    ip link set lo up
    exec .venv/bin/python -m pytest tests/containers/test_images.py "$@"' sh "$@"
