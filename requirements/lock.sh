#!/bin/sh
# Writes the four lock files from pyproject.toml: versions and hashes, no addresses.
# Run it (`make lock`) after a change of the dependencies; it needs `uv` on the PATH.
set -eu
cd "$(dirname "$0")/.."

lock() { # lock NAME [uv arguments]
    name=$1
    shift
    uv pip compile pyproject.toml "$@" --quiet --universal --python-version 3.11 \
        --generate-hashes --no-annotate --no-header --no-emit-index-url \
        --output-file "requirements/$name.txt"
}

lock dev --extra lab --extra app --extra dev
# The smaller sets take their versions from the largest, so all three agree.
lock lab --extra lab --constraint requirements/dev.txt
lock app --extra app --constraint requirements/dev.txt
lock api --constraint requirements/dev.txt

# The marker of all that we support stands behind every line and tells pip nothing: leave it out.
everywhere=$(printf " ; (%s and %s'darwin') or (%s and %s'linux') or (%s and %s'win32')" \
    "python_full_version < '3.14'" "sys_platform == " "python_full_version < '3.14'" \
    "sys_platform == " "python_full_version < '3.14'" "sys_platform == ")
sed -i.bak "s/$everywhere//" requirements/*.txt
rm -f requirements/*.bak
