"""The `build-deb` step: options, clean roots and the excerpt of its log.

Packages for apt repositories and manifests belong to `artifacts`.
"""
