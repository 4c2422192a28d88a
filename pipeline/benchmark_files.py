"""Where the stages that tune, train, probe and test write, and whether they do; without torch, which loads slowly."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.params import Train

Json = dict[str, Any]
RUNS = Path("runs")
CHOICES = RUNS / "tuning.json"
METRICS = Path("metrics.json")
FOLDER = Path("data/7_benchmark")
PLOTS, PERFORMANCE, PROBE, REPORT = (
    FOLDER / name for name in ("plots", "performance.json", "probe.json", "report.json")
)
NOTHING_TRAINED = "nothing is trained: train.losses or train.seeds is empty"


def is_labels_only(settings: Train) -> bool:
    """Whether the settings train no model."""
    return not settings.losses or not settings.seeds


def read_json(path: Path) -> Json:
    """The object in a JSON file that a stage wrote.

    Raises:
        InputError: there is none, or it is not one.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), "not found", "run `dvc repro`, which makes it") from error
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(str(path), "is not a JSON object", "delete it and run `dvc repro`, which makes it")
    return found
