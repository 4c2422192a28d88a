"""The benchmark of trained models: protocol, statistics and label probe; for researchers who compare losses."""
