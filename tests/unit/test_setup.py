"""`make setup` says what it does while it installs, and not the name of every package."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "scripts" / "setup.sh"
#: What `python -m venv` would leave: an interpreter, and the installer that the second stage calls.
PYTHON = """#!/bin/sh
[ "$1" = --version ] && echo "Python 3.11.9" && exit
mkdir -p .venv/bin
printf '#!/bin/sh\\n' > .venv/bin/python
cat > .venv/bin/uv <<'UV'
#!/bin/sh
{
echo "Resolved 245 packages in 3.21s"
echo "Downloading torch (731.1MiB)"
echo "Downloading numpy (15.9MiB)"
echo " Downloaded torch"
sleep 1
echo "Installed 245 packages in 9.32s"
echo " + torch==2.9.0"
echo " - numpy==1.0"
[ -z "$BROKEN" ] || { echo "error: no solution found"; exit 1; }
} >&2
UV
chmod +x .venv/bin/python .venv/bin/uv
"""


@pytest.mark.parametrize("broken", ["", "yes"])
def test_stages_and_large_downloads_are_lines_and_an_error_is_shown(tmp_path, broken):
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "HEARTBEAT": "0.4", "BROKEN": broken}
    done = subprocess.run(
        [SETUP, python, "airflow"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout
    assert (done.returncode, "error: no solution found" in said) == ((1, True) if broken else (0, False))
    assert "1 of 3: an environment in .venv, for Python 3.11.9" in said
    assert "still installing" in said
    assert "Resolved 245 packages" in said
    assert "Downloading torch (731.1MiB)" in said
    assert ("3 of 3: installed" in said) == (not broken)
    for noise in ("numpy", "Downloaded", "torch=="):
        assert noise not in said
