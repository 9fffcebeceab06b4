"""Results name the versions that a score depends on."""

from __future__ import annotations

import platform

import numpy as np

from mmeb_eval.run.versions import LIBRARIES, read_versions


def test_versions_of_python_and_of_installed_libraries_are_read() -> None:
    versions = read_versions()
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    assert set(versions) <= {"python", *LIBRARIES}


def test_a_caller_may_change_its_copy() -> None:
    read_versions().clear()
    assert read_versions()
