"""Augmented images are still those images, each by its own random numbers; resizing is plain."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.augment import DRAWS, HIGHEST_ASPECT, JITTER, LEAST_AREA, augment, augment_as_drawn, resize

AREA, ASPECT, LEFT, TOP, MIRROR, BRIGHTNESS, CONTRAST, SATURATION = range(DRAWS)
NEUTRAL = (1.0, 0.5, 0.3, 0.8, 1.0, 0.5, 0.5, 0.5)


def noise(count: int, side: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=seeded(side))


def smooth(side: int) -> Tensor:
    """One image whose red is the column and whose green is the row, each from 0 to 255 between the edges."""
    ramp = ((torch.arange(side) + 0.5) / side * 255).round().to(torch.uint8)
    planes = ramp.expand(side, side), ramp[:, None].expand(side, side), torch.full((side, side), 128).byte()
    return torch.stack(planes)[None]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(images: Tensor, size: int, draws: dict[int, float], *, flip: bool = True) -> Tensor:
    """Augmentation with neutral numbers but for some."""
    row = torch.tensor([draws.get(column, value) for column, value in enumerate(NEUTRAL)])
    return augment_as_drawn(images, size, row.expand(len(images), DRAWS), flip=flip)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 4),
    side=st.integers(1, 40),
    size=st.integers(1, 24),
    seed=st.integers(0, 9),
    flip=st.booleans(),
)
def test_shape_range_and_determinism(count: int, side: int, size: int, seed: int, flip: bool) -> None:
    images = noise(count, side)
    result = augment(images, size, seeded(seed), flip=flip)
    assert result.shape == (count, 3, size, size)
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(result, augment(images, size, seeded(seed), flip=flip))


def test_another_draw_gives_another_image() -> None:
    generator = seeded(0)
    images = noise(2, 16)
    assert not torch.equal(augment(images, 16, generator), augment(images, 16, generator))
    twins = augment(images[:1].repeat(2, 1, 1, 1), 16, generator)
    assert not torch.equal(twins[0], twins[1])


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_an_image_does_not_depend_on_the_others(batch: int) -> None:
    images = noise(12, 20)
    whole = augment(images, 16, seeded(3))
    others = torch.cat([images[:batch], noise(2, 21)[:, :, :20, :20]])
    torch.testing.assert_close(augment(others, 16, seeded(3))[:batch], whole[:batch], rtol=0, atol=1e-6)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    augment(noise(2, 8), 8, seeded(0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("side", "size"), [(16, 16), (20, 16), (32, 16), (50, 16), (10, 16)])
def test_neutral_augmentation_is_resize(side: int, size: int) -> None:
    images = noise(3, side)
    torch.testing.assert_close(drawn(images, size, {}), resize(images, size), rtol=0, atol=2e-5)


def test_resize_keeps_values_at_the_same_size_and_averages_blocks() -> None:
    images = noise(2, 12)
    assert torch.equal(resize(images, 12), images.float() / 255)
    blocks = (images.float() / 255).reshape(2, 3, 4, 3, 4, 3).mean((3, 5))
    torch.testing.assert_close(resize(images, 4), blocks)


@pytest.mark.parametrize("size", [7, 12, 24, 40])
def test_resize_is_centred(size: int) -> None:
    images = noise(2, 24)
    flipped = resize(images.flip(3), size).flip(3)
    torch.testing.assert_close(flipped, resize(images, size), rtol=0, atol=1e-5)


def test_flip_mirrors_and_can_be_switched_off() -> None:
    images = noise(2, 16)
    torch.testing.assert_close(drawn(images, 16, {MIRROR: 0.0}), resize(images, 16).flip(3), rtol=0, atol=2e-5)
    torch.testing.assert_close(drawn(images, 16, {MIRROR: 0.0}, flip=False), resize(images, 16), rtol=0, atol=2e-5)


def test_without_flip_no_image_of_many_is_mirrored() -> None:
    red = augment(smooth(16).repeat(64, 1, 1, 1), 16, seeded(0), flip=False)[:, 0]
    assert (red[:, :, -1].mean(1) > red[:, :, 0].mean(1)).all()
    red = augment(smooth(16).repeat(400, 1, 1, 1), 16, seeded(0))[:, 0]
    mirrored = int((red[:, :, -1].mean(1) < red[:, :, 0].mean(1)).sum())
    assert abs(mirrored - 200) < 50  # five standard deviations


@settings(max_examples=60, deadline=None)
@given(numbers=st.tuples(*[st.floats(0, 1, width=32)] * 4))
def test_crops_lie_inside_with_their_area_and_aspect(numbers: tuple[float, float, float, float]) -> None:
    side = 64
    result = drawn(smooth(side), side, dict(zip((AREA, ASPECT, LEFT, TOP), numbers, strict=True)))[0]
    # Columns and rows that the corners show tell where the crop was; a pixel in from the edges of the image.
    left, right = (float(result[0, 32, column]) for column in (1, -2))
    top, bottom = (float(result[1, row, 32]) for row in (1, -2))
    width, height = ((high - low) * side / (side - 3) for low, high in ((left, right), (top, bottom)))
    assert LEAST_AREA - 0.02 <= width * height <= 1.02
    assert 1 / HIGHEST_ASPECT - 0.02 <= width / height <= HIGHEST_ASPECT + 0.02
    for low, extent, share in ((left, width, numbers[2]), (top, height, numbers[3])):
        assert low - 1.5 / side * extent == pytest.approx((1 - extent) * share, abs=0.02)


def test_extremes_of_the_crop() -> None:
    result = drawn(smooth(64), 64, {AREA: 0.0, LEFT: 0.0, TOP: 1.0})[0]
    extent = LEAST_AREA**0.5
    assert float(result[0, :, -1].mean()) == pytest.approx(extent, abs=0.02)
    assert float(result[1, 0].mean()) == pytest.approx(1 - extent, abs=0.02)


@pytest.mark.parametrize(("aspect", "plane"), [(1.0, 0), (0.0, 1)])
def test_a_crop_wider_or_higher_than_the_image_is_cut_at_its_edges(aspect: float, plane: int) -> None:
    image = smooth(64)
    torch.testing.assert_close(drawn(image, 64, {ASPECT: aspect})[0, plane], resize(image, 64)[0, plane])


def test_brightness_contrast_and_saturation_by_hand() -> None:
    grey = torch.full((1, 3, 4, 4), 102, dtype=torch.uint8)
    assert torch.allclose(drawn(grey, 4, {BRIGHTNESS: 1.0}), torch.tensor(0.4 * (1 + JITTER)))
    assert torch.allclose(drawn(grey, 4, {CONTRAST: 1.0, SATURATION: 0.0}), torch.tensor(0.4))
    halves = torch.tensor([51, 51, 153, 153], dtype=torch.uint8).expand(1, 3, 4, 4)
    spread = drawn(halves, 4, {CONTRAST: 0.0})[0, 0, 0]
    half = 0.2 * (1 - JITTER)
    torch.testing.assert_close(spread, torch.tensor([0.4 - half] * 2 + [0.4 + half] * 2))
    red = torch.tensor([153, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    luma = 0.299 * 0.6
    pale = drawn(red, 4, {SATURATION: 0.0})[0, :, 0, 0]
    expected = [luma + (1 - JITTER) * (0.6 - luma), luma * JITTER, luma * JITTER]
    torch.testing.assert_close(pale, torch.tensor(expected))


def test_autocast_changes_nothing() -> None:
    images = noise(2, 16)
    plain = augment(images, 12, seeded(0))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment(images, 12, seeded(0)), plain)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_draws_the_same() -> None:
    images = noise(4, 40)
    on_gpu = augment(images.cuda(), 32, seeded(0))
    assert on_gpu.device.type == "cuda"
    torch.testing.assert_close(on_gpu.cpu(), augment(images, 32, seeded(0)), rtol=0, atol=1e-4)
    torch.testing.assert_close(resize(images.cuda(), 32).cpu(), resize(images, 32), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "size", "message"),
    [
        (torch.zeros(2, 3, 8, 8), 8, "float32"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8), 8, r"\(2, 1, 8, 8\)"),
        (torch.zeros(2, 3, 8, 9, dtype=torch.uint8), 8, r"\(2, 3, 8, 9\)"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), 8, r"\(3, 8, 8\)"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 0, "size is 0"),
    ],
)
def test_what_is_no_batch_of_images_is_an_error(images: Tensor, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resize(images, size)
    with pytest.raises(ValueError, match=message):
        augment(images, size, seeded(0))


def test_draws_of_another_shape_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"draws are of shape \(1, 8\); 2 images need \(2, 8\)"):
        augment_as_drawn(noise(2, 8), 8, torch.rand(1, DRAWS))
