#!/bin/sh
# Runs the tests of the cluster in a network of their own, where the system lets us make one: Ray
# listens at more addresses than 127.0.0.1, and other machines must not reach what a test starts.
set -eu
cd "$(dirname "$0")/../.."

export DETECTLAB_TEST_SCALE=1
python=.venv/bin/python
set -- "$python" -m pytest tests/scale "$@"
if unshare --map-root-user --net true 2> /dev/null; then
    # Its loopback interface begins switched off; 0x8914 is SIOCSIFFLAGS, 0x41 is up and running.
    switch_on="import fcntl, socket, struct; s = socket.socket(); \
fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x41))"
    # shellcheck disable=SC2016  # $ is for the inner shell
    exec unshare --map-root-user --net sh -c '"$1" -c "$2"; shift 2; exec "$@"' \
        sh "$python" "$switch_on" "$@"
fi
exec "$@"
