"""What an input pipeline gives away: pure rules over surveys of training, validation and test images."""
