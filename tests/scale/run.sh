#!/bin/sh
# Runs the tests of the cluster in a network of their own, where the system lets us make one: Ray
# listens at more addresses than 127.0.0.1, and nobody outside should reach what a test starts.
set -eu
cd "$(dirname "$0")/../.."

export DETECTLAB_TEST_SCALE=1
python=.venv/bin/python
set -- "$python" -m pytest tests/scale "$@"
if unshare --map-root-user --net true 2> /dev/null; then
    # Its loopback interface begins switched off.
    exec unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
fi
exec "$@"
