#!/bin/sh
# check.sh ROOT: fails, with one line a breach, if the tree at ROOT breaks a rule of the house.
#
# Rules over C sources are in rules.awk; here are those over other files.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
status=0

found=$(mktemp)
trap 'rm -f "$found"' EXIT

present() { # those of the names that exist
    for name; do
        if [ -e "$name" ]; then echo "$name"; fi
    done
}

forbid() { # forbid RULE PATTERN [FILE...]: a line that matches is a breach
    rule=$1 pattern=$2
    shift 2
    if grep -nE -e "$pattern" /dev/null "$@" >"$found"; then
        sed "s|\$| : $rule|" "$found"
        status=1
    fi
}

layers=$(present include base formats kernels runtime converters evaluate cli server examples)
awk -f "$here/rules.awk" $(find /dev/null $layers -name '*.[ch]') </dev/null || status=1

build_files=$(present CMakeLists.txt CMakePresets.json cmake scripts .ci tests/CMakeLists.txt tests/leaks.cmake)
forbid 'no flag may change results or tie binaries to the machine that builds them' \
    '-march=native|-mtune=native|-ffast-math|-Ofast|-funsafe-math-optimizations' $(find /dev/null $build_files -type f)

forbid 'finish it, or leave it out' '\<(TODO|FIXME)\>' $(find . \( -name .git -o -name build -o -path ./tests/house \) -prune -o \
    -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.sh' \
    -o -name '*.py' -o -path './scripts/*' \) -print)

exit $status
