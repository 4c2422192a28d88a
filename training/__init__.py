"""Losses, metrics and training on a hierarchical release, for researchers; imports nothing from the other rooms."""
