"""Every model family's goldens, one script for a kind of model."""

import subprocess
import sys
from pathlib import Path


def make(out: Path) -> None:
    """Runs each script in a process of its own, as by hand: models draw their first weights from torch's one seed."""
    for kind in ("text", "conv", "diffusion", "vision"):
        subprocess.run([sys.executable, out / "families" / f"{kind}.py"], check=True)
