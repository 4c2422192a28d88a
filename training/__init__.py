"""Losses, metrics and training on a hierarchical release, for researchers; imports nothing from the other rooms."""

import os

# Matrix products of one shape give the same bits every time. Without it, Intel's library hands out the parts of a sum
# to threads as they come, and a run that goes on does not end with the weights of an undisturbed one.
os.environ.setdefault("MKL_CBWR", "AUTO")
