"""What the notebook about clusters needs: nodes that end with it, traffic, checks of exercises."""
