"""A package index that replaces a file under the same version is noticed at installation."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.audit import read_pins
from scripts.hashes import WITHOUT_HASHES

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"


@pytest.fixture
def index(tmp_path):
    """A folder of wheels with one replaced: `six` in the pinned version, with other contents."""
    version = read_pins(CONSTRAINTS)["six"]
    metadata = {"METADATA": f"Metadata-Version: 2.1\nName: six\nVersion: {version}\n", "WHEEL": "Wheel-Version: 1.0\n"}
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / f"six-{version}-py2.py3-none-any.whl", "w") as wheel:
        wheel.writestr("six.py", "print('backdoor')\n")
        for name, content in {**metadata, "RECORD": ""}.items():
            wheel.writestr(f"six-{version}.dist-info/{name}", content)
    return folder


def install(index, target, constraints):
    uv = Path(sys.executable).with_name("uv")
    words = [uv, "pip", "install", "--no-index", "--find-links", index, "--target", target, "-c", constraints, "six"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_replaced_file_is_refused(index, tmp_path):
    refused = install(index, tmp_path / "target", CONSTRAINTS)
    assert refused.returncode != 0
    assert "Hash mismatch" in refused.stderr
    assert not (tmp_path / "target" / "six.py").exists()
    pin = tmp_path / "pins.txt"
    pin.write_text(f"six=={read_pins(CONSTRAINTS)['six']}\n")
    assert install(index, tmp_path / "target", pin).returncode == 0, "but for the hash it could be installed"


@pytest.mark.parametrize("name", ["constraints.txt", "bootstrap.txt"])
def test_each_pin_has_hashes(name):
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    without = [entry.partition("==")[0] for entry in entries if "--hash=sha256:" not in entry]
    assert set(without) <= set(WITHOUT_HASHES)
    assert len(read_pins(ROOT / name)) == len(entries)


def test_images_install_with_hashes():
    for path in (ROOT / "docker").glob("*/Dockerfile"):
        steps = path.read_text().replace("\\\n", " ").split("&&")
        installs = [step for step in steps if "pip install" in step and "--no-deps -r /tmp/mpnet.txt" not in step]
        assert installs, path
        for step in installs:
            assert "bootstrap.txt" in step or "constraints.txt" in step, step
