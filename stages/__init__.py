"""What DVC runs: one thin module a stage over the library `valgap`. Data flows one way (dvc.yaml)."""
