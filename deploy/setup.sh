#!/bin/sh
# Make .venv from the locked requirements: setup.sh requirements.txt|requirements-dev.txt. Quick when nothing changed.
set -eu
requirements=$1

fail() {
    echo "Partywall cannot be set up: $*" >&2
    exit 1
}

# A copy of what was installed says what is there; the interpreter is asked because an upgrade may have taken it away.
if cmp -s "$requirements" ".venv/installed/$requirements" && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14; do
    if suits "$candidate"; then
        exec "$candidate" -I deploy/local/venv.py "$requirements"
    fi
done
found=$(python3 --version 2>&1) || found="no python3"
fail "it needs Python 3.11 or newer, and found $found. Install one, or name it: make PYTHON=/path/to/python3.11 ..."
