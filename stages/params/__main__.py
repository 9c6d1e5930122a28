"""`python -m stages.params`: check params.yaml before any stage does work."""

from stages.errors import run_stage
from stages.params.suite import load


def main() -> None:
    """Read params.yaml; silent when it is right."""
    load()


if __name__ == "__main__":
    run_stage(main)
