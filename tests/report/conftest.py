"""Lets the tests of the report import what they plant."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
