#!/bin/bash
# Builds the Debian packages. For the time of the build debian/changelog gets an entry whose version names
# the distribution: 1.0.0-SNAPSHOT~bookworm. A run that is killed leaves that entry, and a backup, behind.
set -e

usage() {
    cat << USAGE
Usage: build-deb.sh [OPTIONS]
Build the Debian packages of the sample greeter.

   -o, --output-directory DIR   Move the packages to DIR (a relative one counts from the root of the source);
                                without it they stay beside the root of the source
   -h, --help                   Show this text and exit
USAGE
}

fail() {
    echo "ERROR: $1" >&2
    exit 1
}

output_directory=""
while [ $# -gt 0 ]; do
    case "$1" in
        -o | --output-directory)
            [ -n "$2" ] || fail "$1 needs a directory"
            output_directory=$2
            shift 2
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            fail "no such option: $1. See --help"
            ;;
    esac
done

for tool in dch lsb_release dpkg-buildpackage; do
    command -v "$tool" > /dev/null || fail "$tool not found; install devscripts, lsb-release and dpkg-dev"
done

cd "$(dirname "$0")/.."

# The packages' version is the changelog's, the program's the POM's (the first <version>: this POM has no parent).
version=$(dpkg-parsechangelog --show-field Version)
pom_version=$(sed -n 's:.*<version>\(.*\)</version>.*:\1:p' pom.xml | head -n 1)
distribution=$(lsb_release --short --codename)
backup=debian/changelog.$(date +%Y%m%dT%H%M%S)

cp debian/changelog "$backup"
dch --force-bad-version --newversion "$version~$distribution" --urgency low \
    "Build sample-greeter $pom_version for $distribution."
sed -i '1s/ UNRELEASED;/ unstable;/' debian/changelog

dpkg-checkbuilddeps
dpkg-buildpackage -uc -us -b

mv "$backup" debian/changelog

if [ -n "$output_directory" ]; then
    mkdir -p "$output_directory"
    mv ../*"$version"* "$output_directory"
    echo "Packages are in $output_directory"
fi
