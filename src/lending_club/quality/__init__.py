"""The checks that a result passes before it is published: Great Expectations suites, run inside the engine.

Importing Great Expectations takes seconds, so only ``gate`` does, and only a run that checks imports ``gate``.
"""
