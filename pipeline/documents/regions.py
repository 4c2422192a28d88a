"""Coarse regions of the world, to tell where a dataset's landmarks lie; for the dataset card."""

import numpy as np
import pandas as pd

EUROPE, WEST_ASIA, CENTRAL_ASIA = "Europe", "Northern Africa and Western Asia", "Central Asia"
SOUTH_EAST_ASIA, OCEANIA = "South-eastern Asia", "Oceania"
NORTH_AMERICA = "Northern America and the Caribbean"
# South and north, west and east, in degrees; a place is in the first box that holds it. Boxes follow coasts and borders
# only roughly, which is enough to see that one region has ten times the landmarks of another.
BOXES = (
    (NORTH_AMERICA, 59.0, 84.0, -75.0, -25.0),  # Greenland
    (WEST_ASIA, 36.3, 42.0, 29.3, 45.0),  # Anatolia
    (WEST_ASIA, 37.0, 39.2, 27.1, 29.3),
    (WEST_ASIA, 28.0, 37.4, 34.2, 46.0),  # the Levant and Mesopotamia
    (WEST_ASIA, 34.4, 35.8, 32.2, 34.7),  # Cyprus
    (WEST_ASIA, 25.0, 37.4, -2.2, 11.4),  # the Maghreb
    (EUROPE, 35.0, 82.0, -32.0, 40.0),
    (EUROPE, 46.0, 82.0, 40.0, 60.0),
    (CENTRAL_ASIA, 37.3, 55.4, 52.5, 80.0),
    (WEST_ASIA, 12.0, 43.6, 25.0, 63.0),
    (WEST_ASIA, 18.0, 37.4, -18.0, 35.0),
    ("Africa south of the Sahara", -36.0, 18.0, -26.0, 60.0),
    ("Southern Asia", 0.0, 38.0, 60.0, 92.2),
    (SOUTH_EAST_ASIA, -11.0, 23.3, 92.2, 108.5),
    (SOUTH_EAST_ASIA, -11.0, 20.0, 108.5, 141.0),
    ("Eastern Asia", 20.0, 50.0, 73.0, 150.0),
    ("Northern Asia", 43.0, 82.0, 40.0, 180.0),
    (OCEANIA, -50.0, 30.0, 110.0, 180.0),
    (OCEANIA, -50.0, 30.0, -180.0, -150.0),
    (OCEANIA, -50.0, 12.4, -150.0, -100.0),
    (NORTH_AMERICA, 12.5, 84.0, -180.0, -50.0),
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
