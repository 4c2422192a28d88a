"""Pictures of a benchmark, as PNG and SVG; the same numbers give the same bytes."""
