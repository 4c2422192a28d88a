"""Depth of agreement between hierarchical labels, for every loss and metric.

Labels are integers of shape (N, L), column 0 the finest level. Two items agree to depth d when their d coarsest levels
are equal, so that an id used again under another parent is not taken for agreement.
"""

import numpy as np
import torch

MOST_LEVELS = 62
"""Depths are kept in int8, and gains are powers of two in int64."""


def path_ids(*labels: np.ndarray) -> list[np.ndarray]:
    """Ids that name the path from the root instead of the level alone, made together for several tables of labels.

    Args:
        labels: integer arrays (N_i, L), column 0 finest; the same L.

    Returns:
        int32 arrays (N_i, L): two rows of any of them are equal in a column exactly when the labels are equal in that
        column and in all coarser ones. The depth of agreement is then the number of equal columns. In each column, ids
        rise with the path: with the coarser columns first.

    Raises:
        ValueError: labels that are not integers of shape (N, L), or differ in L.
    """
    tables = [checked_labels(np.asarray(table)) for table in labels]
    if len({table.shape[1] for table in tables}) != 1:
        raise ValueError(f"labels differ in their number of levels: {[table.shape[1] for table in tables]}")
    joint = np.concatenate(tables)
    if not np.issubdtype(joint.dtype, np.integer):  # numpy joins int64 and uint64 as floats, which merge large ids
        raise ValueError(f"labels are {', '.join(str(table.dtype) for table in tables)}; give all as int64")
    paths = np.empty(joint.shape, dtype=np.int32)
    parent = np.zeros(len(joint), dtype=np.int64)
    for column in reversed(range(joint.shape[1])):
        own = np.unique(joint[:, column], return_inverse=True)[1]
        parent = np.unique(parent * (len(joint) + 1) + own, return_inverse=True)[1]
        paths[:, column] = parent
    ends = np.cumsum([len(table) for table in tables])[:-1]
    return np.split(paths, ends)


def checked_labels(labels: np.ndarray) -> np.ndarray:
    """The labels themselves when they are integers of shape (N, L), L >= 1; a ValueError says what else they are."""
    is_integer = np.issubdtype(labels.dtype, np.integer)
    check_shape(str(labels.dtype), labels.shape, is_integer, "labels.reshape(-1, 1)")
    return labels


def check_shape(dtype: str, shape: tuple[int, ...], is_integer: bool, for_one_level: str) -> None:
    """Raise a ValueError unless labels of that type and shape are integers (N, L), 1 <= L <= MOST_LEVELS."""
    if len(shape) != 2 or not is_integer or not 1 <= shape[1] <= MOST_LEVELS:
        raise ValueError(
            f"labels are {dtype} of shape {tuple(shape)}; they must be integers of shape (N, L), column 0 finest, L at"
            f" most {MOST_LEVELS} (for one level: {for_one_level})"
        )


def agreement_depths(labels: torch.Tensor, ref_labels: torch.Tensor) -> torch.Tensor:
    """Depth of agreement of every query with every reference.

    Args:
        labels: integer (B, L), column 0 finest.
        ref_labels: integer (M, L).

    Returns:
        int8 (B, M), 0 (nothing in common) to L (the same finest class).

    Raises:
        ValueError: labels that are not integers of shape (N, L), or differ in L.
    """
    for table in (labels, ref_labels):
        is_integer = not (table.is_floating_point() or table.is_complex() or table.dtype == torch.bool)
        check_shape(str(table.dtype), table.shape, is_integer, "labels.unsqueeze(1)")
    if labels.shape[1] != ref_labels.shape[1]:
        raise ValueError(f"labels have {labels.shape[1]} levels, ref_labels {ref_labels.shape[1]}")
    depths = torch.zeros(len(labels), len(ref_labels), dtype=torch.int8, device=labels.device)
    agree = torch.ones_like(depths, dtype=torch.bool)
    for column in reversed(range(labels.shape[1])):
        agree &= labels[:, column, None] == ref_labels[None, :, column]
        depths += agree
    return depths


def depth_counts(labels: torch.Tensor, ref_labels: torch.Tensor) -> torch.Tensor:
    """How many references agree with a query to exactly each depth, without looking at pairs.

    Args:
        labels: integer (B, L), column 0 finest.
        ref_labels: integer (M, L).

    Returns:
        int64 (B, L + 1), for the depths 0..L; each row sums to M.

    Raises:
        ValueError: as path_ids.
    """
    ids, ref_ids = (torch.from_numpy(table) for table in path_ids(labels.cpu().numpy(), ref_labels.cpu().numpy()))
    at_least = torch.full((len(labels), labels.shape[1] + 1), len(ref_labels))
    for depth in range(1, labels.shape[1] + 1):
        own, others = ids[:, -depth], ref_ids[:, -depth]
        sizes = torch.bincount(others, minlength=int(own.max()) + 1 if len(own) else 0)
        at_least[:, depth] = sizes[own]
    at_least[:, :-1] -= at_least[:, 1:].clone()
    return at_least.to(labels.device)
