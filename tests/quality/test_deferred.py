"""Modules that are imported when something in them is first asked for."""

from __future__ import annotations

import subprocess
import sys


def python(code: str) -> str:
    """What a process of its own prints: this one has imported much already."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_great_expectations_does_without_them_until_they_are_needed() -> None:
    found = python("""if True:
        import sys
        from lending_club.quality.deferred import HEAVY, defer_import
        for name in HEAVY:
            defer_import(name)
        import great_expectations.expectations as gxe
        from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as drawing
        print("altair.vegalite" in sys.modules, "scipy.stats.distributions" in sys.modules)
        print(drawing.stats.entropy([1, 1], [1, 1]), drawing.alt.Chart.__name__)
        from scipy import stats
        import scipy.stats
        print(stats.norm.cdf(0), scipy.stats is stats, sys.modules["scipy.stats"].__file__ is not None)
    """)
    assert found == "False False\n0.0 Chart\n0.5 True True\n"


def test_one_that_is_there_stays() -> None:
    found = python("""if True:
        import json.tool, sys
        from lending_club.quality.deferred import defer_import
        before = sys.modules["json.tool"]
        defer_import("json.tool")
        print(sys.modules["json.tool"] is before)
    """)
    assert found == "True\n"
