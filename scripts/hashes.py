"""`make hashes`: write the SHA-256 of each file of each pinned version into constraints.txt and bootstrap.txt.

uv refuses a file with another hash, of a requirement as of what it needs in turn. Run it after a change of a pin.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from scripts.audit import read_pins

#: Its build depends on the processor: the CPU build comes from another place than the package index.
WITHOUT_HASHES = ("torch",)
#: Not from folders of wheels that this machine has beside the index.
ELSEWHERE = ("UV_FIND_LINKS", "PIP_FIND_LINKS")


def write_hashes(path: Path) -> None:
    """Replace the file by its pins with their hashes; a failure of uv leaves it as it is (CalledProcessError)."""
    pins = read_pins(path)
    hashed = "".join(f"{name}=={version}\n" for name, version in pins.items() if name not in WITHOUT_HASHES)
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    options = ["--no-deps", "--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable]
    done = subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", *options, "-"],
        input=hashed,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    entries = re.split(r"\n(?! )", done.stdout.rstrip("\n"))
    entries += [f"{name}=={pins[name]}" for name in WITHOUT_HASHES if name in pins]
    path.write_text("\n".join(sorted(entries, key=lambda entry: entry.partition("==")[0])) + "\n")


if __name__ == "__main__":
    for name in ("constraints.txt", "bootstrap.txt"):
        write_hashes(Path(name))
