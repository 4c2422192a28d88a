"""Gradients of a loss on a batch whose graph does not fit into memory, for who trains rank losses on large batches."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel


def backward_in_chunks(
    model: Callable[[Tensor], Tensor], inputs: Tensor, loss: Callable[[Tensor], Tensor], chunk: int
) -> Tensor:
    """Backward pass of loss(model(inputs)) with the graph of only `chunk` inputs in memory at a time.

    GradCache (arXiv 2101.06983): the batch is embedded in chunks without a graph; the loss on all embeddings at once
    gives its own parameters their gradients, and the embeddings theirs; each chunk is embedded again, with a graph,
    through which its part of that gradient goes on. The price is a second forward pass. In both, a chunk sees the same
    numbers of torch's random generators (dropout).

    Gradients are added to .grad, as by loss.backward(). They are those of the whole batch if the model treats inputs
    one by one. Batch norm does not: it would normalise by the chunk and update its statistics twice; put it in eval
    mode.

    Autocast around the call rules the model and the loss, as in a loop without chunks. With a GradScaler, scale in the
    loss, and unscale the value returned where it is reported:

        with torch.autocast("cuda", torch.float16):
            value = backward_in_chunks(model, images, lambda e: scaler.scale(loss(e, labels)), chunk=64)
        scaler.step(optimizer)

    A DistributedDataParallel model exchanges gradients once, with the last chunk; all processes need as many chunks.

    Args:
        model: maps a chunk of inputs to one embedding each. Where a chunk is more than a tensor, let inputs be
            positions: lambda rows: model(images[rows], masks[rows]).
        inputs: (B, ...), B >= 1.
        loss: maps all embeddings (B, D) to a scalar.
        chunk: inputs embedded at a time.

    Returns:
        The loss, a scalar without graph.

    Raises:
        ValueError: chunk below 1; no inputs; a loss that is not a scalar or does not depend on the embeddings.
    """
    if chunk < 1 or not len(inputs):
        raise ValueError(f"cannot embed {len(inputs)} inputs in chunks of {chunk}; both must be at least 1")
    parts = torch.split(inputs, chunk)
    states, embedded = [], []
    with torch.no_grad():
        for part in parts:
            states.append(random_states())
            embedded.append(model(part))
    embeddings = torch.cat(embedded).requires_grad_()
    value = loss(embeddings)
    if value.ndim or not value.requires_grad:
        raise ValueError(
            f"the loss is {value}; it must be a scalar with a gradient with respect to the embeddings given"
        )
    backward(value)
    if embeddings.grad is None:
        raise ValueError("the loss does not depend on the embeddings given, so that the model would learn nothing")
    gradients = torch.split(embeddings.grad, [len(part) for part in embedded])
    end = random_states()
    for part, state, gradient in zip(parts, states, gradients, strict=True):
        restore_random_states(state)
        with exchange_of_gradients(model, part is parts[-1]):
            backward(model(part), gradient)
    restore_random_states(end)
    return value.detach()


def backward(tensor: Tensor, gradient: Tensor | None = None) -> None:
    """Backward pass outside autocast, which would take to half precision what the forward pass did not."""
    with torch.autocast(tensor.device.type, enabled=False):
        torch.autograd.backward(tensor, gradient)


def exchange_of_gradients(model: Callable[[Tensor], Tensor], is_last: bool) -> AbstractContextManager[None]:
    """Where DistributedDataParallel shall wait with averaging gradients, until the last chunk has added its own."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) and not is_last else nullcontext()


def random_generators() -> tuple[torch.Generator, ...]:
    """Those that dropout draws from: of the CPU, and of every GPU once CUDA is in use."""
    return torch.default_generator, *torch.cuda.default_generators


def random_states() -> list[Tensor]:
    """Where torch's random number generators stand."""
    return [generator.get_state() for generator in random_generators()]


def restore_random_states(states: list[Tensor]) -> None:
    """Put torch's random number generators back to where they stood."""
    for generator, state in zip(random_generators(), states, strict=True):
        generator.set_state(state)
