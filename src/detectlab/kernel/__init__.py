"""Serve an ASGI app, such as a FastAPI one, from inside a Jupyter kernel (or a script).

`serve` keeps the cell busy until the kernel is interrupted; `start` serves in the background and
returns at once.
"""

from detectlab.kernel.listening import ServerStartError
from detectlab.kernel.server import ServerHandle, serve, start

__all__ = ["ServerHandle", "ServerStartError", "serve", "start"]
