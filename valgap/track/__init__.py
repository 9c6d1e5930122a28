"""What `valgap track` is made of: what lies in reports/ and runs/ as runs of an experiment tracker. Trains nothing."""
