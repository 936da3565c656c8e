"""Which packages are a toolchain: a dummy for one would only hide or delay the failure."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pipelines.steps.debian.dependencies.relations import Group

_COMPILERS = (
    *("build-essential", "crossbuild-essential-*", "gcc", "gcc-*", "g++", "g++-*", "cpp", "cpp-*"),
    *("clang", "clang-*", "llvm", "llvm-*", "rustc", "rustc-*", "cargo", "cargo-*", "gfortran*"),
    *(
        "golang",
        "golang-go",
        "golang-[0-9]*",
        "gccgo*",
        "ghc",
        "ocaml",
        "fp-compiler",
        "c-compiler",
    ),
    *("c++-compiler", "libc-dev", "libc6-dev", "binutils", "binutils-*"),
)
_JAVA = (
    *("*-jdk", "*-jdk-*", "*-jre", "*-jre-*", "java[0-9]*-sdk*", "java[0-9]*-jdk*"),
    *("java[0-9]*-runtime*", "java-sdk*", "java-jdk*", "java-runtime*", "java-compiler"),
    *("zulu*", "temurin*", "maven", "maven[0-9]*", "maven-debian-helper", "maven-repo-helper"),
    *("ant", "gradle", "gradle-*", "javahelper"),
)
_BUILD_TOOLS = (
    *("make", "cmake", "meson", "ninja-build", "autoconf", "automake", "libtool", "pkg-config"),
    *("pkgconf", "bison", "flex", "nodejs", "nodejs-*", "npm", "yarnpkg", "genisoimage"),
    *(
        "mkisofs",
        "xorriso",
        "git",
        "bash",
        "perl",
        "perl-base",
        "lsb-release",
        "wget",
        "curl",
        "jq",
    ),
    *("debhelper", "debhelper-*", "dh-*", "dpkg", "dpkg-*", "devscripts", "cdbs", "quilt"),
    *("fakeroot", "po-debconf"),
)
_TOOLCHAIN = (*_COMPILERS, *_JAVA, *_BUILD_TOOLS)
_PYTHON = ("python3", "python3-*", "python3.*", "python3[a-z]*")


def is_toolchain(name: str) -> bool:
    """Whether a package of this name must never be a dummy."""
    return _matches(name, _TOOLCHAIN) or _matches(name, _PYTHON)


def asks_for_toolchain(group: Group) -> bool:
    """Whether the group as a whole means a toolchain, whatever its other alternatives are.

    A `python3-…` library among them does not make it one: `python-x | python3-x` is a library
    whose older name may be a dummy.
    """
    names = [relation.name for relation in group.alternatives]
    return any(_matches(name, _TOOLCHAIN) for name in names) or all(map(is_toolchain, names))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
