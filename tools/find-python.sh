#!/bin/sh
# Prints the path of a Python that is at least 3.11: $PYTHON if set, else the first that works on PATH.
set -eu
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    path=$("$candidate" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null) || continue
    echo "$path"
    exit 0
done
echo "Intermodal needs Python 3.11 or newer and found none (looked for ${PYTHON:-python3, python3.13, python3.12, python3.11, python})." >&2
echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name one: make PYTHON=/path/to/python3.12" >&2
exit 1
