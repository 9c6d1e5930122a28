"""The notebook in examples/, run by a kernel as a user's would be."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.scratch import ROOT


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_names_its_planted_fault_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where an installed package would be
    notebook = nbformat.read(ROOT / "examples/check.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are kept out of Git"
    here = {"metadata": {"path": str(tmp_path)}}
    done: Any = NotebookClient(notebook, timeout=300, resources=here, kernel_name="python3").execute()
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = "\n".join(str(output.get("text", output.get("data", {}))) for output in outputs)
    assert "<iframe srcdoc=" in texts
    listed = next(line for line in texts.splitlines() if "[(" in line and "VG" in line)
    assert listed.index("VG301") < 30, listed
    assert (tmp_path / "digits-check.html").stat().st_size > 10_000
