"""What a network is asked once its images are scored, one function each; all see the same images and outputs."""

from valgap.check import leaning
from valgap.check.prediction import Ask

ASKS: tuple[Ask, ...] = (leaning.look,)
