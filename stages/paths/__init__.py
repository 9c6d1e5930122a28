"""The only place that spells a path. `runs` is what training reads and writes, `sources` where built-in images lie,
`reports` what people are shown; `writing` is how a file gets there whole.

They are split so that renaming a report file does not invalidate a training stage.
All paths are relative to the repository root, where every stage runs.
"""
