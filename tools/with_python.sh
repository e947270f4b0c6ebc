#!/bin/sh
# Runs a Python script with the first Python on the PATH that detectlab supports.
# Usage: with_python.sh SCRIPT [ARGUMENT...]     PYTHON=/path/to/python chooses another one.
supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
others='python3.13 python3.12 python3.11 python'
[ -z "${PYTHON-}" ] || others=''

for python in "${PYTHON:-python3}" $others; do
    if "$python" -c "$supported" 2>/dev/null; then
        exec "$python" "$@"
    fi
done

found=$("${PYTHON:-python3}" --version 2>&1) || found="no ${PYTHON:-python3}"
echo "detectlab needs Python 3.11, 3.12 or 3.13, and here is $found:" \
    "install one of them and run this again (PYTHON=/path/to/python3.12 names one by hand)." >&2
exit 1
