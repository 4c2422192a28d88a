"""The model that a run has trained, for embedding and for the benchmark."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.config import TrainConfig
from training.learner import model_of
from training.run import BEST, LAST
from training.runs import RunError, load_checkpoint


def read_model(folder: Path, device: torch.device) -> tuple[nn.Module, TrainConfig]:
    """The best model of a run, or its last where no val fold chose one, in eval mode; and the run's settings.

    Raises:
        RunError: no checkpoint, or one that cannot be read.
    """
    path = checkpoint_of(folder)
    saved = load_checkpoint(path, device)
    config = settings_in(saved, path)
    model = model_of(config, pretrained=False).to(device)
    model.load_state_dict(saved["model"] if path.name == BEST else saved["learner"]["model"])
    return model.eval(), config


def read_settings(folder: Path) -> TrainConfig:
    """The settings of a run alone; raises as read_model."""
    path = checkpoint_of(folder)
    return settings_in(load_checkpoint(path, "cpu"), path)


def checkpoint_of(folder: Path) -> Path:
    """The file of a run's best model, or else of its last."""
    path = next((folder / name for name in (BEST, LAST) if (folder / name).exists()), None)
    if path is None:
        raise RunError(f"{folder} holds no checkpoint; train it first")
    return path


def settings_in(saved: dict[str, Any], path: Path) -> TrainConfig:
    """The settings that a checkpoint holds."""
    try:
        return TrainConfig(**saved["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} was written by other code ({error}); train it again") from error
