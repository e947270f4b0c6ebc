"""The service on several machines, with Ray Serve. Only `deployments` imports Ray.

`settings` reads one small YAML file; `config_files` and `kuberay` write the configurations of Ray
Serve and KubeRay from it. `local_nodes` starts nodes on this machine, and `dashboard` is a client
of a running cluster's head. On the nodes, `deployments` runs detectors and gateways; a gateway is
the app of one machine with the worker pool of `remote_pool` and the store of `shared_store`.
"""
