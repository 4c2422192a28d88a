"""Images and an encoder for the visual vote of the label stage; optional, off unless `label.visual` is true.

An encoder is anything with the two methods of `Encoder`. The one for real work is a CLIP model through open_clip, which
the extra `vision` installs and whose weights come from the user's disk or hub cache.
"""

import io
import tarfile
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from hierarchy.visual import image_votes, landmark_votes
from pipeline.errors import InputError

MODEL, WEIGHTS = "ViT-B-32", "laion2b_s34b_b79k"
PROMPT = "a photo of a landmark of the kind: {}"
TOP_K = 1
MAX_IMAGES = 20  # of one category; more would change no majority worth having
MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000
BATCH = 64


class Encoder(Protocol):
    """Puts images and texts into one space."""

    def images(self, batch: list[Image.Image]) -> NDArray[np.float32]:
        """Embeddings of RGB images: (images, dimensions)."""

    def texts(self, batch: list[str]) -> NDArray[np.float32]:
        """Embeddings of texts: (texts, dimensions)."""


class OpenClipEncoder:
    """A CLIP model of open_clip."""

    def __init__(self, model: str = MODEL, weights: str = WEIGHTS) -> None:
        """Load the model.

        Raises:
            InputError: open_clip or its weights are not there.
        """
        try:
            import open_clip
            import torch

            loaded, _, self._prepare = open_clip.create_model_and_transforms(model, pretrained=weights)
        except (ImportError, OSError, RuntimeError) as error:  # torchvision can be installed and broken
            remedy = "install the extra `vision`, put the weights into the hub cache, or set label.visual to false"
            raise InputError("params.yaml: label.visual", f"no CLIP model ({error})", remedy) from error
        self._torch, self._tokenize = torch, open_clip.get_tokenizer(model)
        self._model = loaded.eval()

    def images(self, batch: list[Image.Image]) -> NDArray[np.float32]:
        """Embeddings of RGB images."""
        with self._torch.inference_mode():
            return self._array(self._model.encode_image(self._torch.stack([self._prepare(image) for image in batch])))

    def texts(self, batch: list[str]) -> NDArray[np.float32]:
        """Embeddings of texts."""
        with self._torch.inference_mode():
            return self._array(self._model.encode_text(self._tokenize(batch)))

    def _array(self, tensor: Any) -> NDArray[np.float32]:
        return np.asarray(tensor.float().cpu().numpy(), dtype=np.float32)


def visual_proposals(
    categories: pd.DataFrame, images: pd.DataFrame, manifest: pd.DataFrame, labels: list[str], encoder: Encoder
) -> pd.DataFrame:
    """Labels for categories by the vote of their images; see `hierarchy.visual.landmark_votes`.

    Args:
        categories: split, landmark_id, category; landmarks to look at.
        images: see images in pipeline/tables.py.
        manifest: see tar_manifest there.
        labels: the labels to choose from.
        encoder: the model.
    """
    wanted = images.merge(categories, on=["split", "landmark_id"], validate="m:1").sort_values("image_id")
    wanted = wanted[wanted.groupby("category").cumcount() < MAX_IMAGES]
    category_of = dict(zip(wanted["image_id"], wanted["category"], strict=True))
    names: list[str] = []
    parts = []
    for batch in _batches(_read_images(manifest, category_of)):
        names += [category_of[image_id] for image_id, _ in batch]
        parts.append(encoder.images([image for _, image in batch]))
    if not parts:
        return pd.DataFrame(columns=["category", "hierarchical_label", "confidence", "image_count", "is_accepted"])
    label_embeddings = encoder.texts([PROMPT.format(label) for label in labels])
    return landmark_votes(names, image_votes(np.concatenate(parts), label_embeddings, TOP_K), labels)


def _batches(found: Iterator[tuple[str, Image.Image]]) -> Iterator[list[tuple[str, Image.Image]]]:
    batch: list[tuple[str, Image.Image]] = []
    for pair in found:
        batch.append(pair)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_images(manifest: pd.DataFrame, wanted: dict[str, str]) -> Iterator[tuple[str, Image.Image]]:
    """Wanted images of the TARs that are here, in the order of the TARs; what is no image is passed over."""
    for path in tqdm(manifest["path"], desc="images", unit="tar", disable=None):
        with tarfile.open(path) as tar:
            for member in tar:
                image_id = member.name.rsplit("/", 1)[-1].removesuffix(".jpg")
                content = tar.extractfile(member) if member.isfile() and image_id in wanted else None
                if content is None or member.size > MAX_BYTES:
                    continue
                try:
                    image = Image.open(io.BytesIO(content.read()))
                    if image.width * image.height <= MAX_PIXELS:
                        yield image_id, image.convert("RGB")
                except (UnidentifiedImageError, OSError, ValueError):
                    continue
