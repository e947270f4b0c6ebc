"""Pictures and boxes: NumPy, OpenCV and Pillow, no networks."""
