"""The model that a run has trained, for embedding and for the benchmark."""

from pathlib import Path

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
    path = next((folder / name for name in (BEST, LAST) if (folder / name).exists()), None)
    if path is None:
        raise RunError(f"{folder} holds no checkpoint; train it first")
    saved = load_checkpoint(path, device)
    try:
        config = TrainConfig(**saved["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} was written by other code ({error}); train it again") from error
    model = model_of(config, pretrained=False).to(device)
    model.load_state_dict(saved["model"] if path.name == BEST else saved["learner"]["model"])
    return model.eval(), config
