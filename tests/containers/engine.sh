#!/bin/sh
# Makes podman usable where there is no Docker engine, no registry and no systemd: settings of its
# own in FOLDER, and the base image that the Dockerfile names, pulled or else made of Debian's Python.
#   engine.sh FOLDER     then: . FOLDER/environment
# Needs root, podman, buildah, runc and, without a registry, debootstrap.
set -eu

folder=$(mkdir -p "$1" && cd "$1" && pwd)
base=docker.io/library/python:3.11-slim-bookworm

cat > "$folder/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "$folder/run"
END

# The host's certificates, so that pip in a build trusts what pip outside trusts.
cat > "$folder/containers.conf" <<END
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
volumes = ["/etc/ssl/certs:/etc/ssl/certs:ro"]
log_driver = "k8s-file"
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
END
# For compose, whose services find each other by name.
sed 's/netns = "host"/netns = "bridge"/' "$folder/containers.conf" > "$folder/bridge.conf"

cat > "$folder/registries.conf" <<END
unqualified-search-registries = ["docker.io"]
short-name-mode = "disabled"
END

cat > "$folder/policy.json" <<END
{"default": [{"type": "insecureAcceptAnything"}]}
END

cat > "$folder/environment" <<END
export CONTAINERS_STORAGE_CONF="$folder/storage.conf"
export CONTAINERS_CONF="$folder/containers.conf"
export CONTAINERS_REGISTRIES_CONF="$folder/registries.conf"
export DETECTLAB_CONTAINERS="$folder"
END
# shellcheck disable=SC1091
. "$folder/environment"

podman image exists "$base" && exit 0
podman pull --quiet "$base" 2> "$folder/pull.log" && exit 0

echo "No registry answers: making $base of Debian's packages."
rm -rf "$folder/rootfs"
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip \
    bookworm "$folder/rootfs" > "$folder/debootstrap.log"
rm -rf "$folder/rootfs/var/cache/apt/archives" "$folder"/rootfs/usr/lib/python3*/EXTERNALLY-MANAGED
ln -s /usr/bin/python3 "$folder/rootfs/usr/local/bin/python"
tar -C "$folder/rootfs" -c . | podman import --change 'CMD ["python3"]' - "$base" > "$folder/import.log"
rm -rf "$folder/rootfs"
