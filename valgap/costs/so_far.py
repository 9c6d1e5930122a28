"""What the cells that are trained by now tell, in a line."""

from valgap.costs.timings import done_cells
from valgap.data.prepared import load_suite
from valgap.results.known import known


def so_far() -> str:
    """The line, of the cells in runs/ that have the settings of params.yaml."""
    params = load_suite()
    return known(done_cells(params, params.cells), sum(map(len, params.cells.values())))
