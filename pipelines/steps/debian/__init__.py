"""The `build-deb` step: options, clean roots and checks.

Packages for apt repositories and manifests belong to `artifacts`.
"""
