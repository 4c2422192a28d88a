"""The settings of a training run, checked before anything is read or computed."""

import dataclasses
import json
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite

from training.loss_table import LOSSES
from training.models import POOLINGS

PRECISIONS = ("float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda")
NOT_IN_DIGEST = ("device", "workers", "checkpoint_every", "chunk")
"""Settings that change how a run is carried out, not what it computes, but for rounding; it may go on with others."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run.

    Attributes:
        loss: a name of training.loss_table.LOSSES.
        seed: of weights, batches and augmentation.
        alpha: how much more a finer level weighs in the relevances of happier and sup_hap; others have none.
        backbone: small_resnet, or timm/<name>.
        pretrained: start from timm's weights, which must be on this machine.
        pooling: gem or mean, of the backbone's feature map.
        frozen_norm: keep the statistics of batch norm, which a pretrained backbone may have, as they are.
        dim: dimension of the embeddings.
        image_size: pixels, height and width, that the model sees.
        flip: mirror images at random; not for characters.
        epochs: passes over the training images.
        batch_size: images of a batch, over all processes together.
        m_per_class: images of a class in a batch.
        supers_per_batch: different coarsest classes in a batch; 0 draws classes from all.
        learning_rate: of the model, at its highest.
        loss_learning_rate: of the loss's own parameters, such as class vectors.
        weight_decay: of the model.
        warmup_share: share of the steps over which the learning rate rises; then it falls as a cosine.
        chunk: images embedded at a time with their graph in memory; 0 takes the batch at once.
        accumulate: batches whose gradients are averaged into one step.
        memory: embeddings of earlier batches that a batch is compared with, too.
        precision: float32 or bfloat16, of the model's forward and backward pass.
        evaluate_every: epochs between evaluations on the val fold.
        checkpoint_every: steps between checkpoints within an epoch.
        workers: processes that decode images.
        fault_share: share of images that may be unreadable before the run stops.
        device: auto, cpu or cuda.
    """

    loss: str
    seed: int = 0
    alpha: float = 1.0
    backbone: str = "small_resnet"
    pretrained: bool = False
    pooling: str = "gem"
    frozen_norm: bool = False
    dim: int = 64
    image_size: int = 64
    flip: bool = True
    epochs: int = 20
    batch_size: int = 64
    m_per_class: int = 4
    supers_per_batch: int = 0
    learning_rate: float = 1e-3
    loss_learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    warmup_share: float = 0.1
    chunk: int = 0
    accumulate: int = 1
    memory: int = 0
    precision: str = "float32"
    evaluate_every: int = 1
    checkpoint_every: int = 1000
    workers: int = 0
    fault_share: float = 0.01
    device: str = "auto"

    def __post_init__(self) -> None:
        for setting in dataclasses.fields(self):
            value = getattr(self, setting.name)
            fits = type(value) is setting.type or (setting.type is float and type(value) is int)
            if not fits or (setting.type is float and not isfinite(value)):
                raise ValueError(f"{setting.name} is {value!r}; it must be a {getattr(setting.type, '__name__', '')}")
        names = {"loss": tuple(LOSSES), "pooling": tuple(POOLINGS), "precision": PRECISIONS, "device": DEVICES}
        for name, known in names.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is unknown; known: {', '.join(known)}")
        least = dict.fromkeys(("seed", "alpha", "supers_per_batch", "chunk", "memory", "workers", "weight_decay"), 0)
        counts = ("dim", "image_size", "epochs", "batch_size", "accumulate", "evaluate_every", "checkpoint_every")
        for name, bound in {**dict.fromkeys(counts, 1), **least, "m_per_class": 2}.items():
            if not getattr(self, name) >= bound:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {bound}")
        for name in ("warmup_share", "fault_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to below 1")
        for name in ("learning_rate", "loss_learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")

    def digest(self) -> str:
        """SHA-256 of the settings that decide what is computed."""
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name not in NOT_IN_DIGEST}
        return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
