"""Images as bytes to floats of the size that a model sees, a batch at a time, on whatever device the images are.

For training, at random (augment); for evaluation, plainly (resize).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

DRAWS = 8
"""Random numbers of an image: area, aspect, left, top, flip, brightness, contrast, saturation."""
LEAST_AREA = 0.5
HIGHEST_ASPECT = 4 / 3
JITTER = 0.3
LUMA = (0.299, 0.587, 0.114)


def augment(images: Tensor, size: int, generator: torch.Generator, *, flip: bool = True) -> Tensor:
    """Images at random: a crop, resized; mirrored or not; brightness, contrast and saturation.

    Every image takes its own DRAWS numbers from the generator, in the order of the batch; its result depends on
    nothing else.

    Args:
        images: uint8 (B, 3, S, S).
        size: height and width of the result, pixels.
        generator: on the CPU, so that every device draws the same.
        flip: mirror every second image; not for characters.

    Returns:
        float32 (B, 3, size, size) in 0..1, on the device of the images.

    Raises:
        ValueError: see resize.
    """
    return augment_as_drawn(images, size, torch.rand(len(images), DRAWS, generator=generator), flip=flip)


def augment_as_drawn(images: Tensor, size: int, draws: Tensor, *, flip: bool = True) -> Tensor:
    """What augment does for given random numbers, for who draws them elsewhere, as for all processes together.

    With (1, 1/2, ., ., 1, 1/2, 1/2, 1/2) for every image it is resize.

    Args:
        images: see augment.
        size: see augment.
        draws: (B, DRAWS), uniform in 0..1.
        flip: see augment.

    Returns:
        See augment.

    Raises:
        ValueError: see resize; draws of another shape.
    """
    if draws.shape != (len(images), DRAWS):
        raise ValueError(f"draws are of shape {tuple(draws.shape)}; {len(images)} images need {(len(images), DRAWS)}")
    area, aspect, left, top, mirror, *colours = draws.to(images.device, torch.float32).unbind(1)
    area = LEAST_AREA + (1 - LEAST_AREA) * area
    aspect = torch.exp((2 * aspect - 1) * math.log(HIGHEST_ASPECT))
    # Cut at the edge, a crop still has an area and an aspect within their bounds.
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    direction = torch.where(mirror < 0.5, -1.0, 1.0) if flip else torch.ones_like(mirror)
    columns = crop_places(width * direction, (1 - width) * (2 * left - 1), size)
    rows = crop_places(height, (1 - height) * (2 * top - 1), size)
    places = columns[:, None, :].expand(-1, size, -1), rows[:, :, None].expand(-1, -1, size)
    grid = torch.stack(places, 3)  # (B, size, size, 2)
    cropped = grid_sample(shrink(images, size), grid, padding_mode="border", align_corners=False)
    return jitter(cropped, *colours)


def resize(images: Tensor, size: int) -> Tensor:
    """Whole images, resized; those of the right size keep their values.

    Args:
        images: uint8 (B, 3, S, S).
        size: height and width of the result, pixels.

    Returns:
        float32 (B, 3, size, size) in 0..1, on the device of the images.

    Raises:
        ValueError: images that are not uint8 of shape (B, 3, S, S); a size below 1.
    """
    return interpolate(shrink(images, size), (size, size), mode="bilinear", align_corners=False)


def shrink(images: Tensor, size: int) -> Tensor:
    """Float images in 0..1, averaged over blocks until less than twice the size, so that sampling skips no pixel."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}; they must be uint8 of shape (B, 3, S, S)"
        )
    if size < 1:
        raise ValueError(f"size is {size}; it must be at least 1")
    side = images.shape[2]
    block = side // size
    floats = images.float() / 255
    return interpolate(floats, (side // block, side // block), mode="area") if block > 1 else floats


def crop_places(share: Tensor, centre: Tensor, size: int) -> Tensor:
    """Where to sample along an axis, (B, size), -1 and 1 being its ends; a negative share (B,) of it runs backwards.

    By hand, as the matrix product of affine_grid is rounded to half precision under autocast.
    """
    steps = (torch.arange(size, device=share.device) * 2 + 1) / size - 1
    return share[:, None] * steps + centre[:, None]


def jitter(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Images with their light scaled, their distance from mean grey, and their distance from grey.

    Args:
        images: float (B, 3, H, W) in 0..1.
        brightness: (B,) in 0..1, to a factor of 1 - JITTER..1 + JITTER.
        contrast: as brightness.
        saturation: as brightness.
    """
    light, spread, colour = (
        (1 + JITTER * (2 * draw - 1)).view(-1, 1, 1, 1) for draw in (brightness, contrast, saturation)
    )
    luma = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    images = images * light
    grey = (images * luma).sum(1, keepdim=True)
    images = grey + colour * (images - grey)  # leaves grey as it is
    mean = grey.mean((2, 3), keepdim=True)
    return (mean + spread * (images - mean)).clamp(0, 1)
