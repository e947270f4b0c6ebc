"""How the embedded detector `nano` is made: data, drawings, network, loss, training, export."""
