"""Pictures and boxes: NumPy and OpenCV, no networks."""
