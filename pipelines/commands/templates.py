"""Templates for the pipelines of `doit new`; NAME is replaced by the pipeline's name."""

from __future__ import annotations

_HEAD = """\
NAME:
  description: {description}
  source:
    # A URL or path that git can clone; ./ is relative to the folder of this file.
    repository: SET-THE-REPOSITORY
"""

_MAVEN = """\
    - uses: maven                   # all options: docs/reference-pipelines.md
      timeout: 1h
      with:
        goals: [install]
        # jdk: 17                   # a JDK below /usr/lib/jvm; default: the builder's
        # skip_tests: true
"""

_DEB = """\
    - uses: build-deb               # runs dpkg-buildpackage on the source's debian/
      timeout: 1h
    - uses: artifact-manifest       # lists the packages with their checksums
"""

_CHECKOUT = """\
  steps:
    - uses: git-checkout            # a clean tree at exactly the job's commit
"""

_END = """\
    - uses: publish-status          # publishes the result to the farm
      when: always                  # also after an earlier step failed
"""

_PARAMS = """\
  # A job may set these: doit enqueue --pipeline NAME --param target=check ...
  params:
    target: {default: all, description: the make target}
"""

_SHELL = """\
    - name: build
      timeout: 30m
      # A value is never pasted into the script: it becomes one quoted word, whatever it contains.
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
