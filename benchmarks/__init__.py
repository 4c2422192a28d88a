"""Scripts that measure: each prints a table and writes JSON; nothing in tests is timed."""
