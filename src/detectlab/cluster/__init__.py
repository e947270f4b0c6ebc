"""The same service past one machine, on Ray Serve. Only `serving` imports Ray.

`settings` is read from one small file; `files` writes from it what Ray Serve and KubeRay want;
`machine` starts nodes on this machine; `dashboard` talks to a running cluster; on the cluster's
nodes, `serving` runs detectors and gateways, and `pool` and `store` are what makes a gateway of
the app that runs on one machine, too.
"""
