"""A Hub on this machine for the tests of task data."""

from tests.local_hub import local_hub

__all__ = ["local_hub"]
