#!/bin/sh
# Writes the lock files from pyproject.toml: versions and hashes, no addresses.
# Run it (`make lock`) after a change of the dependencies; it needs `uv` on the PATH.
set -eu
cd "$(dirname "$0")/.."

others=$(mktemp)
trap 'rm -f "$others"' EXIT

lock() { # lock NAME INPUT... [uv arguments]
    name=$1
    shift
    uv pip compile "$@" --quiet --universal --python-version 3.11 \
        --generate-hashes --no-annotate --no-header --no-emit-index-url \
        --output-file "requirements/$name.txt"
}

lock dev pyproject.toml --extra lab --extra app --extra quantize --extra otel --extra dev
# The smaller sets take their versions from the largest, so all three agree.
lock lab pyproject.toml --extra lab --constraint requirements/dev.txt
lock app pyproject.toml --extra app --constraint requirements/dev.txt
lock api pyproject.toml --constraint requirements/dev.txt
lock scale pyproject.toml --extra scale --extra otel --constraint requirements/dev.txt
lock docs pyproject.toml --extra docs --constraint requirements/dev.txt
# For `make test-yolov5`, in an environment of its own.
lock yolov5 pyproject.toml requirements/yolov5.in --extra yolov5 --constraint requirements/dev.txt
# The same with OpenCV 5, for the test that shows that we run with it.
grep '^[a-z0-9]' requirements/dev.txt | grep -v '^opencv-python==' | sed 's/ \\$//' > "$others"
lock opencv5 pyproject.toml requirements/opencv5.in \
    --override requirements/opencv5.in --constraint "$others"
# What the Dockerfile installs where the sets above hold more than an image needs.
lock image-api pyproject.toml requirements/image-api.in --no-emit-package opencv-python \
    --constraint requirements/dev.txt
lock image-companion requirements/image-companion.in --constraint requirements/dev.txt

# The marker of all that we support stands behind every line and tells pip nothing: leave it out.
mac="(platform_machine == 'arm64' and sys_platform == 'darwin')"
everywhere=" ; python_full_version < '3.14' and ($mac or sys_platform == 'linux' or sys_platform == 'win32')"
sed -i.bak "s/$everywhere//" requirements/*.txt
rm -f requirements/*.bak
