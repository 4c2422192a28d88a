"""A rehearsal of the full run: a made-up GLDv2 and Wikidata of true size and form, and every stage measured on it.

The real set cannot be fetched where this is built. `python -m benchmarks.rehearsal` shows that it would go well.
"""
