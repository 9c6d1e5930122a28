"""The benchmark's texts."""

from pathlib import Path

from valgap.document.prose import Prose

say = Prose(Path(__file__).with_name("words.yaml"))
