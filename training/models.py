"""Networks that map images to embeddings of unit length, for who trains or evaluates retrieval.

A small residual network that trains from scratch on a CPU, and any backbone of timm (extra `vision`).
"""

import importlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

BACKBONES = ("small_resnet", "timm/<name>")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
STAGES = ((32, 2), (64, 2), (128, 2), (192, 1))
"""Channels and stride of each block of small_resnet."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def build_model(
    backbone: str, dim: int, *, pooling: str = "gem", pretrained: bool = False, frozen_norm: bool = False
) -> nn.Module:
    """A network from images (B, 3, S, S), float in 0..1, to embeddings (B, dim), float32 of unit length.

    Feature maps are pooled, layer-normalised and projected. Weights that are not pretrained come from torch's default
    generator. Images are normalised inside: as the backbone says, or by the mean and deviation of ImageNet.

    Args:
        backbone: small_resnet, or timm/<name>. The small one treats images one by one (group norm), so that batch
            size, chunks and processes do not change gradients; with the batch norm of a backbone of timm they do.
        dim: dimension of the embeddings.
        pooling: gem (generalised mean, learnt exponent) or mean. Tokens of a transformer are always averaged.
        pretrained: start from timm's weights, which must be on this machine or within its reach.
        frozen_norm: batch norm stays in eval mode, also after .train(); its scale and shift still learn.

    Raises:
        ValueError: an unknown backbone or pooling, a dim below 1, pretrained small_resnet; a backbone that timm cannot
            build.
        ImportError: timm is not installed, or breaks on import.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling {pooling!r} is unknown; known: {', '.join(POOLINGS)}")
    if dim < 1:
        raise ValueError(f"dim is {dim}; it must be at least 1")
    if backbone == "small_resnet":
        if pretrained:
            raise ValueError("small_resnet has no pretrained weights; set pretrained to false, or take a timm backbone")
        return EmbeddingModel(small_resnet(), STAGES[-1][0], dim, POOLINGS[pooling](), frozen_norm=frozen_norm)
    if not backbone.removeprefix("timm/") or not backbone.startswith("timm/"):
        raise ValueError(f"backbone {backbone!r} is unknown; known: {', '.join(BACKBONES)}")
    features = TimmFeatures(backbone.removeprefix("timm/"), pretrained)
    pool = POOLINGS["mean" if features.are_tokens else pooling]()
    return EmbeddingModel(
        features, features.width, dim, pool, mean=features.mean, std=features.std, frozen_norm=frozen_norm
    )


class EmbeddingModel(nn.Module):
    """Backbone, pooling, layer norm, projection, unit length; all after the backbone in float32, under autocast too.

    Args:
        backbone: maps normalised images to features (B, width, ...).
        width: channels of the features.
        dim: dimension of the embeddings.
        pool: maps features to (B, width).
        mean: of each colour channel, in 0..1.
        std: standard deviation of each colour channel.
        frozen_norm: see build_model.
    """

    def __init__(
        self,
        backbone: nn.Module,
        width: int,
        dim: int,
        pool: nn.Module,
        *,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        frozen_norm: bool = False,
    ) -> None:
        super().__init__()
        self.backbone, self.pool = backbone, pool
        self.norm, self.projection = nn.LayerNorm(width), nn.Linear(width, dim)
        self.frozen_norm = frozen_norm
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        # Convolutions are faster so, by a third on one CPU core.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train()

    def train(self, mode: bool = True) -> "EmbeddingModel":
        """Training or eval mode, but for frozen batch norm."""
        super().train(mode)
        if self.frozen_norm:
            for module in self.modules():
                if isinstance(module, BATCH_NORMS):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings (B, dim) of images (B, 3, S, S), float in 0..1.

        Raises:
            ValueError: images of another shape, or integers.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images are {images.dtype} of shape {tuple(images.shape)}; the model takes float in 0..1 of shape"
                " (B, 3, S, S), as training.augment makes them"
            )
        features = self.backbone((images - self.mean) / self.std)
        with torch.autocast(features.device.type, enabled=False):
            embeddings = self.projection(self.norm(self.pool(features.float())))
            return normalize(embeddings, dim=1)


class GeneralisedMean(nn.Module):
    """Mean over all places of the power p, and its p-th root, for each channel (GeM, arXiv 1711.02512); p is learnt.

    p = 1 is the mean of what is positive; the larger p is, the nearer to the maximum.
    """

    LEAST = 1e-6
    HIGHEST_POWER = 6.0  # LEAST to a higher power would be 0 in float32, and its root would have no gradient

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C) of float32 features (B, C, ...)."""
        power = self.power.clamp(1.0, self.HIGHEST_POWER)
        powers = features.flatten(2).clamp(min=self.LEAST) ** power
        return powers.mean(2) ** (1 / power)


class Mean(nn.Module):
    """Mean over all places, for each channel."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, C) of features (B, C, ...)."""
        return features.flatten(2).mean(2)


POOLINGS: dict[str, type[nn.Module]] = {"gem": GeneralisedMean, "mean": Mean}


class TimmFeatures(nn.Module):
    """A backbone of timm without its head, from images (B, 3, S, S) to features (B, C, ...).

    Args:
        name: as in timm.list_models().
        pretrained: see build_model.

    Attributes:
        width: channels C of the features.
        are_tokens: the backbone gives tokens (B, T, C), not maps; class and register tokens are left out.
        mean: of each colour channel of the images that the backbone was made for.
        std: their standard deviation.
    """

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        try:
            self.model = timm_library().create_model(name, pretrained=pretrained, num_classes=0, global_pool="")
        except (RuntimeError, OSError, AssertionError) as error:
            raise ValueError(
                f"timm cannot build backbone {name!r} ({error}); timm.list_models() lists the names, and pretrained"
                " weights must be on this machine or within its reach"
            ) from error
        settings = getattr(self.model, "pretrained_cfg", None) or {}
        self.name, self.input_size = name, tuple(settings.get("input_size", (3, 224, 224)))
        self.mean = tuple(settings.get("mean", IMAGENET_MEAN))
        self.std = tuple(settings.get("std", IMAGENET_STD))
        self.has_channels_last = getattr(self.model, "output_fmt", "NCHW") == "NHWC"
        self.prefix_count = getattr(self.model, "num_prefix_tokens", 0)
        # What timm says of its widths does not hold for every head; one image tells.
        self.model.eval()
        with torch.no_grad():
            features = self.model(torch.zeros(1, *self.input_size))
        if features.ndim not in (3, 4):
            shape = tuple(features.shape)
            raise ValueError(f"backbone timm/{name} gives features of shape {shape}, neither maps nor tokens")
        self.are_tokens = features.ndim == 3
        self.width = self.channels_first(features).shape[1]

    def channels_first(self, features: Tensor) -> Tensor:
        """(B, C, ...) of what the backbone gives: (B, C, H, W), (B, H, W, C), or tokens (B, T, C)."""
        if features.ndim == 3:
            return features[:, self.prefix_count :].transpose(1, 2)
        return features.permute(0, 3, 1, 2) if self.has_channels_last else features

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, C, ...) of normalised images (B, 3, S, S).

        Raises:
            ValueError: a backbone for images of one size, and those of another.
        """
        try:
            return self.channels_first(self.model(images))
        except AssertionError as error:  # as timm says it
            height, width = self.input_size[1:]
            raise ValueError(
                f"backbone timm/{self.name} does not take images of {tuple(images.shape[2:])} ({error}); it was made"
                f" for {height} x {width}: set the size of the images to that"
            ) from error


def timm_library() -> Any:
    """timm.

    Raises:
        ImportError: it is not installed, or breaks on import; with the remedy.
    """
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError, OSError) as error:
        raise ImportError(f"timm does not import ({error}); pip install 'hgldv2[vision]'") from error


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with group norm beside a 1 x 1 shortcut; the first takes every `stride`-th place."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm1 = nn.GroupNorm(8, width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.GroupNorm(8, width)
        self.shortcut = nn.Conv2d(width_in, width, 1, stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, width, H / stride, W / stride) of features (B, width_in, H, W)."""
        inner = relu(self.norm1(self.conv1(features)))
        return relu(self.norm2(self.conv2(inner)) + self.shortcut(features))


def small_resnet() -> nn.Sequential:
    """A residual network of 0.9 million parameters: (B, 3, S, S) to (B, 192, S / 16, S / 16), S / 16 rounded up."""
    first = STAGES[0][0]
    layers: list[nn.Module] = [nn.Conv2d(3, first, 3, 2, 1, bias=False), nn.GroupNorm(8, first), nn.ReLU()]
    width_in = first
    for width, stride in STAGES:
        layers.append(ResidualBlock(width_in, width, stride))
        width_in = width
    return nn.Sequential(*layers)
