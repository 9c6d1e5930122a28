"""What the curves of a training run give away: reads histories in any form, and the rules on them."""
