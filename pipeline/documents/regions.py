"""Coarse regions of the world, to tell where a dataset's landmarks lie; for the dataset card."""

import numpy as np
import pandas as pd

# South and north, west and east, in degrees; a place is in the first box that holds it. Boxes follow coasts and borders
# only roughly, which is enough to see that one region has ten times the landmarks of another.
BOXES = (
    ("Europe", 35.0, 72.0, -25.0, 40.0),
    ("Northern Africa and Western Asia", 12.0, 43.0, 25.0, 63.0),
    ("Northern Africa and Western Asia", 18.0, 37.0, -18.0, 35.0),
    ("Africa south of the Sahara", -36.0, 18.0, -26.0, 60.0),
    ("Southern Asia", 0.0, 38.0, 63.0, 92.0),
    ("Eastern Asia", 20.0, 50.0, 73.0, 150.0),
    ("South-eastern Asia", -11.0, 20.0, 92.0, 141.0),
    ("Northern Asia", 43.0, 82.0, 40.0, 180.0),
    ("Oceania", -50.0, 30.0, 110.0, 180.0),
    ("Oceania", -50.0, 30.0, -180.0, -120.0),
    ("Northern America and the Caribbean", 12.5, 84.0, -170.0, -25.0),
    ("Central and South America", -57.0, 12.5, -95.0, -30.0),
)
ELSEWHERE = "Elsewhere"
UNKNOWN = "No coordinates"
NAMES = tuple(dict.fromkeys(name for name, *_ in BOXES))


def region_of(latitude: pd.Series, longitude: pd.Series) -> pd.Series:
    """Name of the region of each place.

    Args:
        latitude: degrees north; null where the place is not known.
        longitude: degrees east, from -180 to 180.
    """
    boxes = [latitude.between(south, north) & longitude.between(west, east) for _, south, north, west, east in BOXES]
    is_unknown = latitude.isna() | longitude.isna()
    found = np.select([is_unknown, *boxes], [UNKNOWN, *(name for name, *_ in BOXES)], ELSEWHERE)
    return pd.Series(found, index=latitude.index, dtype="str")
