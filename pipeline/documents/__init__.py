"""The documents of a release: card, Croissant, changes, provenance; for whoever finds, loads, cites or doubts it."""
