"""`python -m valgap.ground.params`: check params.yaml before any stage does work."""

from valgap.ground.errors import run_stage
from valgap.ground.params.suite import load
from valgap.ground.params.symptom import check_file


def main() -> None:
    """Read params.yaml; silent when it is right, and the file of the user's that it names is there."""
    check_file(load().symptom)


if __name__ == "__main__":
    run_stage(main)
