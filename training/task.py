"""What the detector is to find, and in pictures of what size."""

CLASSES = ("apple", "orange", "banana", "clock", "car")
INPUT_SIZE = 320  # pixels, width and height
