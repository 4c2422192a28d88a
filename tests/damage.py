"""Damage to bytes, for tests that read what strangers send: a few bytes set, lost, doubled or cut off."""

from hypothesis import strategies as st

INTERESTING = (0, 1, 9, 10, 13, 34, 44, 0x7F, 0x80, 0xFF)


def damaged(good: bytes, most: int = 6) -> st.SearchStrategy[bytes]:
    """Copies of some bytes with up to `most` places damaged; no damage comes first, so failures shrink to few."""
    place = st.integers(0, max(len(good) - 1, 0))
    change = st.tuples(
        st.sampled_from(["set", "lose", "insert", "double", "cut"]),
        place,
        st.sampled_from(INTERESTING) | st.integers(0, 255),
    )
    return st.lists(change, max_size=most).map(lambda changes: _apply(good, changes))


def _apply(good: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    content = bytearray(good)
    for kind, place, value in changes:
        at = min(place, max(len(content) - 1, 0))
        if kind == "cut":
            del content[at:]
        elif kind == "insert":
            content.insert(at, value)
        elif kind == "double":
            content[at:at] = content[at : at + value]
        elif content:
            content[at : at + 1] = bytes([value]) if kind == "set" else b""
    return bytes(content)
