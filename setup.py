"""The one thing that pyproject.toml cannot say: `codecs/` and `datasets/` are `bench.codecs` and `bench.datasets`."""

from setuptools import find_namespace_packages, setup

ROOMS = find_namespace_packages(include=["codecs", "codecs.*", "datasets", "datasets.*"])

setup(
    packages=find_namespace_packages(include=["bench", "bench.*"]) + [f"bench.{room}" for room in ROOMS],
    package_dir={"bench": "bench", "bench.codecs": "codecs", "bench.datasets": "datasets"},
)
