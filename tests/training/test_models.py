"""Embeddings of the small network and of timm's backbones, the latter against a fake timm, and the real one if here."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from training import models
from training.caching import backward_in_chunks
from training.models import GeneralisedMean, Mean, build_model

WIDTH = 24


class Maps(nn.Module):
    """A backbone of feature maps with batch norm, as timm's convolutional networks."""

    pretrained_cfg: dict[str, Any] = {"input_size": (3, 16, 16)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, WIDTH, 4, 4), nn.BatchNorm2d(WIDTH)

    def forward(self, images: Tensor) -> Tensor:
        return self.norm(self.conv(images)).relu()


class MapsChannelsLast(Maps):
    """As swin: channels are the last dimension, and timm says so."""

    output_fmt = "NHWC"

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).permute(0, 2, 3, 1)


class Tokens(nn.Module):
    """As a vision transformer: two tokens of no place first; other colour statistics than ImageNet's."""

    pretrained_cfg: dict[str, Any] = {"input_size": (3, 16, 16), "mean": (0.5,) * 3, "std": (0.25,) * 3}  # noqa: RUF012
    num_prefix_tokens = 2

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, 4, 4)
        self.prefix = nn.Parameter(torch.full((1, 2, WIDTH), 100.0))

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[2] % 4:
            raise AssertionError("Input height is odd")
        tokens = self.conv(images).flatten(2).transpose(1, 2) + self.prefix.mean() / 100
        return torch.cat([self.prefix.expand(len(images), -1, -1), tokens], 1)


class Vectors(nn.Module):
    """A backbone that pools although it was asked not to."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


FAKES = {"maps": Maps, "maps_last": MapsChannelsLast, "tokens": Tokens, "vectors": Vectors}


@pytest.fixture
def fake_timm(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A timm of the backbones above; a list of the options it was called with."""
    calls: list[dict[str, Any]] = []

    def create_model(name: str, **options: Any) -> nn.Module:
        calls.append(options)
        if name not in FAKES:
            raise RuntimeError(f"Unknown model ({name})")
        if options["pretrained"]:
            raise FileNotFoundError("no weights in the cache")
        return FAKES[name]()

    library = ModuleType("timm")
    monkeypatch.setattr(library, "create_model", create_model, raising=False)
    monkeypatch.setitem(sys.modules, "timm", library)
    return calls


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def images(count: int, side: int = 32) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def assert_embeds(model: nn.Module, side: int, dim: int) -> None:
    """Unit vectors; and every parameter learns."""
    embeddings = model(images(3, side))
    assert embeddings.shape == (3, dim)
    assert embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))
    (embeddings * torch.randn(3, dim)).sum().backward()
    found = gradients(model)
    assert set(found) == {name for name, _ in model.named_parameters()}
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in found.values())


@pytest.mark.parametrize("pooling", ["gem", "mean"])
@pytest.mark.parametrize("side", [17, 32, 64])
def test_small_resnet_embeds(pooling: str, side: int) -> None:
    assert_embeds(build_model("small_resnet", 10, pooling=pooling), side, 10)


def test_small_resnet_is_small() -> None:
    assert 0.5e6 < sum(p.numel() for p in build_model("small_resnet", 64).parameters()) < 1.5e6


def test_the_same_seed_gives_the_same_weights() -> None:
    first = build_model("small_resnet", 8).state_dict()
    torch.manual_seed(0)
    second = build_model("small_resnet", 8).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_embedding_depends_on_its_image_alone() -> None:
    model = build_model("small_resnet", 8)
    batch = images(5)
    together = model(batch)
    for row, image in enumerate(batch):
        torch.testing.assert_close(model(image[None])[0], together[row], rtol=0, atol=1e-5)
    torch.testing.assert_close(model.eval()(batch), together, rtol=0, atol=0)


def test_images_differ_in_their_embeddings_after_a_few_steps() -> None:
    model, batch = build_model("small_resnet", 8), images(4)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    targets = torch.eye(4, 8)
    first = last = 0.0
    for step in range(12):
        loss = 1 - (model(batch) * targets).sum(1).mean()
        first, last = (loss.item() if step == 0 else first), loss.item()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert last < first / 2


def test_chunks_give_the_gradients_of_the_batch() -> None:
    model, batch, target = build_model("small_resnet", 8), images(6), torch.randn(6, 8)
    (model(batch) * target).sum().backward()
    whole = {name: gradient.clone() for name, gradient in gradients(model).items()}
    model.zero_grad()
    backward_in_chunks(model, batch, lambda embeddings: (embeddings * target).sum(), chunk=2)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, whole[name], rtol=1e-4, atol=1e-5 * float(whole[name].abs().max()))


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[None]:
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("backbone", ["small_resnet", "timm/tokens"])
def test_distributed_data_parallel_misses_no_parameter(
    backbone: str, one_process: None, fake_timm: list[dict[str, Any]]
) -> None:
    model = build_model(backbone, 8)
    parallel = DistributedDataParallel(model)
    for _ in range(2):  # an unused parameter is an error of the second step
        parallel(images(4, 16)).pow(3).sum().backward()
    assert set(gradients(model)) == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize("backbone", ["small_resnet", "timm/maps"])
def test_autocast_gives_float32_near_the_plain_embedding(backbone: str, fake_timm: list[dict[str, Any]]) -> None:
    model = build_model(backbone, 8)
    plain = model(images(4))
    with torch.autocast("cpu", torch.bfloat16):
        cast = model(images(4))
    assert cast.dtype == torch.float32
    torch.testing.assert_close(cast.norm(dim=1), torch.ones(4))
    assert not torch.equal(cast, plain)  # the backbone was in half precision
    assert (cast * plain).sum(1).min() > 0.99


def test_half_precision_does_not_reach_pooling_and_projection(fake_timm: list[dict[str, Any]]) -> None:
    model = build_model("timm/tokens", 8)
    model.backbone = nn.Identity()
    features = torch.rand(4, 3, 6, 8)
    model.norm, model.projection = nn.LayerNorm(3), nn.Linear(3, 8)
    plain = model(features)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model(features), plain)


def test_input_is_normalised_by_imagenet_or_as_the_backbone_says(fake_timm: list[dict[str, Any]]) -> None:
    seen = []
    for backbone in ("small_resnet", "timm/maps", "timm/tokens"):
        model = build_model(backbone, 8)
        model.backbone.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].clone()))
        model(torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 16, 16))
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 16, 16))
    torch.testing.assert_close(seen[1], torch.zeros(1, 3, 16, 16))
    torch.testing.assert_close(seen[2][0, :, 0, 0], (torch.tensor([0.485, 0.456, 0.406]) - 0.5) / 0.25)


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_colour_deviation_scales_the_input(shift: float) -> None:
    model = build_model("small_resnet", 8)
    seen = []
    model.backbone.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].clone()))
    white = torch.full((1, 3, 16, 16), shift)
    model(white + torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
    model(white)
    torch.testing.assert_close(seen[0] - seen[1], torch.ones(1, 3, 16, 16))


@pytest.mark.parametrize("name", ["maps", "maps_last", "tokens"])
@pytest.mark.parametrize("pooling", ["gem", "mean"])
def test_timm_backbones_embed(name: str, pooling: str, fake_timm: list[dict[str, Any]]) -> None:
    model = build_model(f"timm/{name}", 6, pooling=pooling)
    assert fake_timm == [{"pretrained": False, "num_classes": 0, "global_pool": ""}]
    assert isinstance(model.pool, GeneralisedMean if pooling == "gem" and name != "tokens" else Mean)
    assert all(module.training for module in model.modules())
    if name == "tokens":
        assert model.projection.in_features == WIDTH
    assert_embeds(model, 16, 6)


def test_layouts_of_feature_maps_give_the_same_embedding(fake_timm: list[dict[str, Any]]) -> None:
    first, second = build_model("timm/maps", 6), build_model("timm/maps_last", 6)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first(images(3)), second(images(3)))


def test_prefix_tokens_are_left_out_of_the_mean(fake_timm: list[dict[str, Any]]) -> None:
    features = build_model("timm/tokens", 6).backbone
    assert features(images(2, 16)).shape == (2, WIDTH, 16)
    assert features(images(2, 16)).abs().max() < 50  # the prefix is 100


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_norm_stays_in_eval_mode(frozen: bool, fake_timm: list[dict[str, Any]]) -> None:
    model = nn.Sequential(build_model("timm/maps", 6, frozen_norm=frozen)).train()
    norm = model[0].backbone.model.norm
    before = norm.running_mean.clone()
    assert model[0].norm.training
    assert norm.training is not frozen
    model(images(4))
    assert torch.equal(norm.running_mean, before) is frozen
    model.eval().train()
    assert norm.training is not frozen


def test_generalised_mean_by_hand() -> None:
    features = torch.tensor([[1.0, 2.0], [3.0, 0.0]]).expand(2, 5, 2, 2)
    pool = GeneralisedMean()
    torch.testing.assert_close(pool(features), torch.full((2, 5), (36 / 4) ** (1 / 3)))
    for power, expected in ((1.0, 6 / 4), (0.2, 6 / 4), (6.0, (794 / 4) ** (1 / 6)), (50.0, (794 / 4) ** (1 / 6))):
        nn.init.constant_(pool.power, power)
        torch.testing.assert_close(pool(features), torch.full((2, 5), expected))


@pytest.mark.parametrize("power", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("value", [-1.0, 0.0, 1e5])
def test_generalised_mean_has_finite_gradients(power: float, value: float) -> None:
    pool = GeneralisedMean()
    nn.init.constant_(pool.power, power)
    features = torch.full((1, 2, 3, 3), value, requires_grad=True)
    pool(features).sum().backward()
    assert features.grad is not None
    assert pool.power.grad is not None
    assert features.grad.isfinite().all()
    assert pool.power.grad.isfinite()


@pytest.mark.parametrize("backbone", ["resnet50", "timm", "timm/", "small_resnet/x", ""])
def test_an_unknown_backbone_is_an_error_with_the_known_ones(backbone: str) -> None:
    with pytest.raises(ValueError, match=rf"backbone '{backbone}' is unknown; known: small_resnet, timm/<name>"):
        build_model(backbone, 8)


def test_other_arguments_out_of_range_are_errors() -> None:
    with pytest.raises(ValueError, match="pooling 'max' is unknown; known: gem, mean"):
        build_model("small_resnet", 8, pooling="max")
    with pytest.raises(ValueError, match="dim is 0"):
        build_model("small_resnet", 0)
    with pytest.raises(ValueError, match="small_resnet has no pretrained weights"):
        build_model("small_resnet", 8, pretrained=True)


def test_what_timm_cannot_build_is_an_error_with_the_remedy(fake_timm: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match=r"'resnot' \(Unknown model \(resnot\)\); timm.list_models\(\) lists"):
        build_model("timm/resnot", 8)
    with pytest.raises(ValueError, match=r"no weights in the cache\).*pretrained weights must be on this machine"):
        build_model("timm/maps", 8, pretrained=True)
    with pytest.raises(ValueError, match=r"timm/vectors gives features of shape \(1, 3\)"):
        build_model("timm/vectors", 8)


def test_images_of_a_size_that_a_backbone_does_not_take(fake_timm: list[dict[str, Any]]) -> None:
    model = build_model("timm/tokens", 8)
    with pytest.raises(ValueError, match=r"timm/tokens does not take images of \(30, 30\).*made for 16 x 16"):
        model(images(1, 30))


@pytest.mark.parametrize("error", [ImportError("absent"), RuntimeError("torchvision::nms"), OSError("libc")])
def test_a_timm_that_does_not_import_is_an_error_with_the_remedy(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise error

    monkeypatch.setattr(models.importlib, "import_module", broken)
    with pytest.raises(ImportError, match=rf"{error}.*pip install 'hgldv2\[vision\]'"):
        build_model("timm/resnet18", 8)


@pytest.mark.parametrize(
    "batch",
    [torch.zeros(3, 8, 8), torch.zeros(2, 1, 8, 8), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)],
    ids=["no batch", "one channel", "bytes"],
)
def test_images_of_another_kind_are_an_error(batch: Tensor) -> None:
    with pytest.raises(ValueError, match=r"float in 0..1 of shape \(B, 3, S, S\)"):
        build_model("small_resnet", 8)(batch)


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv3_small_050", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]
)
def test_real_timm_backbones_embed(name: str) -> None:
    try:
        models.timm_library()
    except ImportError as error:
        pytest.skip(str(error))
    model = build_model(f"timm/{name}", 6, frozen_norm=True)
    embeddings = model(images(2, 224))
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))
    embeddings.pow(3).sum().backward()
    assert set(gradients(model)) == {name for name, _ in model.named_parameters()}
