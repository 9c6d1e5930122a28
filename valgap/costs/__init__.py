"""Planning: what a run costs on this machine and what it could show, before any of it is trained."""
