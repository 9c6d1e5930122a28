"""What all tests share: no GPU is seen, no property has a deadline, and the order in which processes get them.

The rooms whose tests run TensorFlow in their own process start it in a conftest.py of their own.
"""

import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

from tests.toys import Toys

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # commands that tests start inherit it: the same on every machine


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Toys:
    """Toy projects, each made once in a test run, by whichever of its processes needs it first."""
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "toys"
    root.mkdir(exist_ok=True)
    return Toys(root)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on toy projects come first, one of each file in turn, and each may run in a process of its own.

    They are long, so that the short ones fill what they leave; neighbours wait for different toys. All others stay
    with their file in one process, for they share its fixtures, as the cases of one test on toys do.
    """
    files: dict[Path, list[str]] = defaultdict(list)
    places: dict[pytest.Item, int] = {}
    for item in items:
        file, _, name = item.nodeid.partition("[")[0].partition("::")
        if "toys" in getattr(item, "fixturenames", ()):
            if name not in files[item.path]:
                files[item.path].append(name)
            places[item] = files[item.path].index(name)
            item.add_marker(pytest.mark.xdist_group(f"{file}:{name}"))
        else:
            places[item] = len(items)
            item.add_marker(pytest.mark.xdist_group(file))
    items.sort(key=places.__getitem__)
