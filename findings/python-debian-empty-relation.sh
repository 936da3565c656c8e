#!/bin/bash
# guess:     PkgRelation.parse_relations() of python-debian gives one group for each relation of a
#            field, and none where there is none: "a, b," has two, and the empty text of a field
#            that is not there has none. dpkg drops the empty one after a trailing comma, which many
#            debian/control files have (wrap-and-sort -t writes it).
# behaviour: The empty place becomes a relation whose name is "", and a warning on stderr. A program
#            that asks whether a package with each name is installed asks for "".
# version:   python-debian 1.1.1; 1.0.1 does the same. dpkg 1.21.22 for comparison.
# source:    debian/deb822.py, PkgRelation.parse_relations: the text is split at commas, and each
#            part, also an empty one, goes to parse_rel, which falls back to {"name": part}.
# output seen (2026-11-30):
#            1.1.1 'a, b,' -> ['a', 'b', '']
#            1.1.1 '' -> ['']
#            1.0.1 'a, b,' -> ['a', 'b', '']
#            1.0.1 '' -> ['']
#            dpkg-checkbuilddeps takes 'bash, coreutils,': exit code 0
# here:      pipelines/steps/debian/dependencies/relations.py (field_relations)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

ask='
import sys
from debian.deb822 import PkgRelation
for text in ("a, b,", ""):
    print(sys.argv[1], repr(text), "->", [r["name"] for g in PkgRelation.parse_relations(text) for r in g])
'
for version in 1.1.1 1.0.1; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "python-debian==$version"
    "$folder/$version/bin/python" -c "$ask" "$version" 2>"$folder/warnings" | tee -a "$folder/seen"
    grep -q 'cannot parse package relationship ""' "$folder/warnings"
done
printf '%s\n' "1.1.1 'a, b,' -> ['a', 'b', '']" "1.1.1 '' -> ['']" \
    "1.0.1 'a, b,' -> ['a', 'b', '']" "1.0.1 '' -> ['']" | diff - "$folder/seen"

if command -v dpkg-checkbuilddeps >/dev/null; then
    dpkg-checkbuilddeps -d 'bash, coreutils,' -c '' /dev/null
    echo "dpkg-checkbuilddeps takes 'bash, coreutils,': exit code $?"
fi
echo "as described"
