"""Runs schedules by hand."""

from __future__ import annotations

from tests.simulation.report import main

raise SystemExit(main())
