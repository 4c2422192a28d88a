"""The review page: a local web page on which a curator decides doubtful classes, edges and landmarks by keyboard.

Flask, templates and static files; everything it knows comes from a `Desk` (annotations.review.desk), which the pipeline
provides.
"""
