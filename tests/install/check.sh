#!/bin/sh
# check.sh BUILD CMAKE GENERATOR CC: installs BUILD into a folder of its own and builds and runs an application
# against it, through find_package and through pkg-config, shared and static.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 cmake=$2 generator=$3 cc=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Moved after installation: what is installed must not remember where it was put.
"$cmake" --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix
pc=$(find "$prefix" -name ounce.pc)
libdir=$(dirname "$(dirname "$pc")")
export LD_LIBRARY_PATH="$libdir"

"$cmake" -S "$here" -B "$work/build" -G "$generator" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" >/dev/null
"$cmake" --build "$work/build" >/dev/null
for program in shared static shared_tools static_tools; do
    "$work/build/$program"
done

export PKG_CONFIG_PATH="$libdir/pkgconfig"
"$cc" "$here/application.c" $(pkg-config --cflags --libs ounce) -o "$work/by_pc"
"$work/by_pc"
"$cc" -DWITH_TOOLS "$here/application.c" $(pkg-config --cflags --libs ounce-tools) -o "$work/tools_by_pc"
"$work/tools_by_pc"

# Every symbol that a shared library offers stands in a public header.
for library in "$libdir"/libounce.so "$libdir"/libounce-tools.so; do
    nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ { sub(/@.*/, "", $3); print $3 }' >"$work/symbols"
    test -s "$work/symbols"
    while read -r symbol; do
        if ! grep -qw "$symbol" "$prefix"/include/ounce/*.h; then
            echo "$library offers $symbol, which no public header declares"
            exit 1
        fi
    done <"$work/symbols"
done
"$prefix/bin/ounce" --version
