#!/bin/sh
# Installs the newest versions into the environments and pins them: constraints.txt.
set -eu
cd "$(dirname "$0")/.."
make venv .venv/stamp-docs benchmarks/.venv/stamp
uv=.venv/bin/uv
$uv pip install -q --python .venv/bin/python --upgrade -e core -e backends/local -e backends/docker --group dev --group docs
$uv pip install -q --python benchmarks/.venv/bin/python --upgrade -e core -e backends/local -r benchmarks/requirements.txt
{
    echo "# Versions that the project is developed and tested with; no addresses. Refresh: tools/refresh-constraints.sh"
    for python in .venv/bin/python benchmarks/.venv/bin/python; do
        $uv pip freeze -q --exclude-editable --python "$python"
    done | grep -vE '^(pip|setuptools)==' | LC_ALL=C sort -u
} >constraints.new
mv constraints.new constraints.txt
