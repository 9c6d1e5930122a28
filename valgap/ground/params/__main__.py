"""`python -m valgap.ground.params`: check params.yaml before any stage does work."""

from valgap.ground.errors import run_stage
from valgap.ground.params.suite import load


def main() -> None:
    """Read params.yaml; silent when it is right."""
    load()


if __name__ == "__main__":
    run_stage(main)
