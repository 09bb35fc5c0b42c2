#!/bin/sh
# usage: tools/make-venv.sh DIRECTORY [uv pip install arguments...]
# Makes a virtual environment and installs into it with uv, pinned by constraints.txt. Works with a bare Python, too:
# one without ensurepip, as Debian ships it.
set -eu
venv=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
python=$("$root/tools/find-python.sh")

get_uv() {
    uv_pin=$(grep '^uv==' "$root/constraints.txt")
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$venv" && "$venv/bin/python" -m pip install -q --disable-pip-version-check "$uv_pin"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$venv" && "$python" -m pip --python "$venv/bin/python" install -q "$uv_pin"
    elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")')
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q >/dev/null
        apt-get install -y -q "$version" >/dev/null || apt-get install -y -q python3-venv >/dev/null
        "$python" -m venv "$venv" && "$venv/bin/python" -m pip install -q --disable-pip-version-check "$uv_pin"
    else
        echo "$python has neither ensurepip nor pip, so no virtual environment can be made." >&2
        echo "Install one of them (Debian, Ubuntu: apt-get install python3-venv), or uv, and run make again." >&2
        exit 1
    fi
}

if [ -x "$venv/bin/python" ] && ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv" # its Python is gone
fi
if command -v uv >/dev/null 2>&1; then
    uv=uv
    [ -x "$venv/bin/python" ] || uv venv -q --python "$python" "$venv"
else
    uv=$venv/bin/uv
    [ -x "$uv" ] || get_uv
fi
cd "$root"
exec "$uv" pip install -q --python "$venv/bin/python" --constraints constraints.txt "$@"
