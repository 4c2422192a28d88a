"""The page that the pipeline ends with: facts from the tables, charts as SVG, one HTML file that needs nothing else.

For the stage report.
"""
