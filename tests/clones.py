"""A working copy of the project in a folder of its own, for tests that run it as a user would."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def train_nothing(folder: Path) -> None:
    """Leave training out of the copy of the project in a folder: labels only."""
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert "\n  losses: [happier, smooth_ap]\n" in text
    path.write_text(text.replace("\n  losses: [happier, smooth_ap]\n", "\n  losses: []\n"), encoding="utf-8")


def clone(folder: Path) -> Path:
    """Copy the files that git tracks or would track, as they are now, and make the folder a repository.

    Nothing is trained in it: that is tested by itself, and takes a minute.
    """
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    train_nothing(folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder
