"""The DVC stages in the order they run, for the maintainer who regenerates the release.

The only room that touches the network, reads and writes files, or joins the other rooms.
"""
