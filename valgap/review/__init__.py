"""What `make review` is made of. It reads Git, reports/, dvc.lock and params.yaml: no data, no runs, no TensorFlow."""
