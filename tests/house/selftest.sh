#!/bin/sh
# selftest.sh: plants each breach in a small tree of its own and fails unless check.sh names it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
status=0

check() { # check FILE LINE: what check.sh says of a tree that holds only this
    rm -rf "$tree/t"
    mkdir -p "$tree/t/$(dirname "$1")" "$tree/t/base"
    echo '#include <ounce/ounce.h>' >"$tree/t/base/other.c"
    printf '%b\n' "$2" >"$tree/t/$1"
    sh "$here/check.sh" "$tree/t" >"$tree/out"
}

caught() {
    if check "$1" "$2" || ! grep -q "^\(\./\)\{0,1\}$1:" "$tree/out"; then
        echo "not caught: $1: $2"
        status=1
    fi
}

allowed() {
    if ! check "$1" "$2"; then
        echo "wrongly refused: $1: $2"
        cat "$tree/out"
        status=1
    fi
}

# Layers
caught base/a.c '#include "formats/format.h"'
caught formats/nm/nm.c '#include "kernels/kernel.h"'
caught kernels/a.c '  #  include "runtime/plan.h"'
caught runtime/a.c '#include "converters/compress/prune.h"'
caught converters/import/a.c '#include "kernels/kernel.h"'
caught converters/import/a.c '#include "formats/nm/nm.h"'
caught evaluate/a.c '#include "formats/format.h"'
caught evaluate/a.c '#include "formats/container/safetensors.h"'
caught cli/a.c '#include "runtime/plan.h"'
caught cli/a.c '#include "evaluate/report.h"'
caught runtime/a.c '#include <ounce/tools.h>'
caught base/a.c '#include "error.h"'
caught base/a.c '#include "ounce/ounce.h"'
caught examples/hello/a.c '#include "base/error.h"'
caught include/ounce/a.h '#include "base/error.h"'
allowed runtime/a.c '#include "kernels/kernel.h"\n#include "base/error.h"\n#include <ounce/ounce.h>'
allowed converters/import/a.c '#include "formats/format.h"\n#include "converters/import/torch.h"'
allowed evaluate/dataset_a.c '#include "formats/container/safetensors.h"\n#include "base/error.h"'
allowed cli/a.c '#include <ounce/tools.h>\n#include "cli/verbs.h"\n#include <stdio.h>'

# Third-party headers and intrinsics, each in its place
caught base/a.c '#include <omp.h>'
caught base/a.c '#pragma omp parallel for'
caught formats/a.c '#include <xxhash.h>'
caught base/a.c '#include <jsmn.h>'
caught runtime/a.c '#include <dnnl.h>'
caught runtime/a.c '#include <oneapi/dnnl/dnnl.h>'
caught base/json.c '#include <jansson.h>'
caught base/half.c '#include <immintrin.h>'
caught runtime/a.c 'x = _mm256_add_ps(x, y);'
caught base/a.c '#include <zlib.h>'
caught base/a.c '#include <lzma.h>'
allowed kernels/gemm/a__avx2.c '#include <immintrin.h>\nx = _mm256_add_ps(x, y);'
allowed base/hash.c '#include <xxhash.h>'

# Calls
caught base/a.c 'if (x) abort();'
caught formats/a.c '    printf("%d", x);'
caught kernels/a.c 'y = 1; fprintf(stderr, "x");'
caught runtime/a.c 'const char *e = getenv("X");'
caught runtime/a.c '/* why */ exit(1);'
caught runtime/a.c 'p = malloc(4);'
caught kernels/a.c 'f = fopen(path, "r");'
allowed runtime/a.c '/* abort() and\n printf( */ static_assert(1, "exit(");\nsnprintf(b, 2, "x"); a->free(b); // getenv('
allowed cli/a.c 'printf("%d", x); exit(1);'

# Flags and words
caught CMakeLists.txt 'add_compile_options(-march=native)'
caught cmake/flags.cmake 'add_compile_options(-ffast-math)'
caught docs/a.md 'TODO: write this'
caught evaluate/a.c '/* FIXME */'
allowed docs/a.md 'mktemp XXXX, a todo list'

# A header that one file may include, in two
mkdir -p "$tree/t2/kernels/dense"
echo '#include <dnnl.h>' | tee "$tree/t2/kernels/a.c" >"$tree/t2/kernels/dense/b.c"
if sh "$here/check.sh" "$tree/t2" >"$tree/out" || ! grep -q 'one file only' "$tree/out"; then
    echo 'not caught: <dnnl.h> in two files'
    status=1
fi

exit $status
