"""Texts that `doit new` begins a pipeline with; NAME stands for the pipeline's name."""

from __future__ import annotations

_HEAD = """\
NAME:
  description: {description}
  source:
    # What git can clone; a path that begins with ./ is taken from this file's folder.
    repository: https://git.example.org/NAME.git
"""

_MAVEN = """\
    - uses: maven                   # all its options: docs/reference-pipelines.md
      timeout: 1h
      with:
        goals: [install]
        # jdk: 17                   # a JDK below /usr/lib/jvm; else the builder's own
        # skip_tests: true
"""

_DEB = """\
    - uses: build-deb               # runs dpkg-buildpackage on the source's debian/
      timeout: 1h
    - uses: artifact-manifest       # lists the packages with their digests
"""

_CHECKOUT = """\
  steps:
    - uses: git-checkout            # a clean tree at exactly the job's commit
"""

_END = """\
    - uses: publish-status          # tells the farm how it ended
      when: always                  # also when a step before it failed
"""

_PARAMS = """\
  # A job may give values: doit enqueue --pipeline NAME --param target=check ...
  params:
    target: {default: all, description: what make is to make}
"""

_SHELL = """\
    - name: build
      timeout: 30m
      # A value is never pasted into the script: it becomes one quoted word, whatever is in it.
      run: |
        make ${{ params.target }}
"""

TEMPLATES: dict[str, str] = {
    "maven-deb": _HEAD.format(description="NAME, built by Maven, as Debian packages")
    + _CHECKOUT
    + _MAVEN
    + _DEB
    + _END,
    "maven": _HEAD.format(description="NAME, built by Maven")
    + _CHECKOUT
    + _MAVEN
    + """\
    - uses: artifact-manifest
      with:
        paths: ["**/target/*.jar"]  # files in the source tree
"""
    + _END,
    "deb": _HEAD.format(description="NAME as Debian packages") + _CHECKOUT + _DEB + _END,
    "shell": _HEAD.format(description="NAME, built by a script")
    + _PARAMS
    + _CHECKOUT
    + _SHELL
    + _END,
}
"""By name."""
