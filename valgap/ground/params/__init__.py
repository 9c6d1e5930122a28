"""The only reader of params.yaml: frozen dataclasses, checked whole before a stage does work.

`schema` turns YAML into them and words the errors, `fields` says what they are made of, `experiment` holds the blocks
that decide a training run, `suite` the whole file. They are split so that what training does not read cannot invalidate
it. `python -m valgap.ground.params` checks the file; every stage's command begins with it.
"""
