"""What the frame cuts off but for a strip or a corner is hardly seen; what is whole is seen, however narrow."""

import pytest

from scar.evidence.visibility import is_seen_beside, is_sliver, is_well_seen
from scar.sample import Box, Picture

PICTURE = Picture(1, "a.jpg", 320, 240, ())


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(0, 20, 18, 220), True),
        (Box(302, 20, 320, 220), True),
        (Box(20, 0, 300, 13), True),
        (Box(20, 228, 300, 240), True),
        (Box(300, 210, 320, 240), True),
        (Box(0, 20, 40, 220), True),
        (Box(0, 20, 50, 220), False),
        (Box(100, 20, 110, 220), False),
        (Box(100, 100, 110, 110), False),
        (Box(0, 0, 320, 240), False),
    ],
)
def test_a_strip_or_a_corner_at_the_frame_is_a_sliver(box: Box, expected: bool) -> None:
    assert is_sliver(box, PICTURE) == expected


def test_a_thing_is_well_seen_from_the_least_share_on() -> None:
    box = Box(100, 100, 140, 148)  # 2.5 % of the picture
    assert is_well_seen(box, PICTURE, 0.025)
    assert not is_well_seen(box, PICTURE, 0.026)
    assert not is_well_seen(Box(0, 20, 18, 220), PICTURE, 0.01)


def test_a_landmark_is_large_or_as_large_as_the_thing() -> None:
    small, smaller = Box(100, 100, 120, 120), Box(150, 100, 160, 110)
    assert is_seen_beside(small, small, PICTURE, 0.5)
    assert not is_seen_beside(smaller, small, PICTURE, 0.5)
    assert is_seen_beside(smaller, small, PICTURE, 0.001)
