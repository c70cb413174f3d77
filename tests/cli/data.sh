#!/bin/sh
# data.sh - data sets that do not fit, are empty, or hold what is no finite number: run, compress and compare say so.
. "$(dirname "$0")/common"
make_small

refused_by_all() { # refused_by_all PATTERN FILE
    refused 3 "^ounce: $2: $1" run small.safetensors -i "$2" -o y.npy
    refused 3 "^ounce: $2: $1" compress small.safetensors -m dense,codec=int8 -c "$2" -o out.safetensors
    refused 3 "^ounce: $2: $1" compare small.safetensors -d "$2" -c calibration.npy -b 64KiB
    refused 3 "^ounce: $2: $1" compare small.safetensors -d small.npy -c "$2" -b 64KiB
    absent y.npy out.safetensors
}

npy empty.npy '<f4' '0, 288' </dev/null
refused_by_all 'the data set is empty' empty.npy
safetensors empty.safetensors '{"x":{"dtype":"F32","shape":[0,288],"data_offsets":[0,0]}}' </dev/null
refused_by_all 'the data set is empty' empty.safetensors
{ zeros 2000 && printf '\000\000\300\177' && zeros 300; } | npy nan.npy '<f4' '2, 288'
refused_by_all 'value 212 of record 1 is not a finite number' nan.npy
{ zeros 4 && printf '\000\000\200\377' && zeros 1144; } | npy infinite.npy '<f4' '1, 288'
refused_by_all 'value 1 of record 0 is not a finite number' infinite.npy
zeros 2304 | npy pickled.npy '|O' '1, 288'
refused_by_all 'holds pickled Python objects' pickled.npy
zeros 2304 | npy fortran.npy '<f4' '2, 288' True
refused_by_all 'is in Fortran order' fortran.npy
zeros 2304 | npy short.npy '<f4' '3, 288'
refused_by_all '.*bytes' short.npy
zeros 2304 | npy huge.npy '<f4' '99999999999999, 288'
refused_by_all '.*bytes' huge.npy
zeros 2304 | npy wrapping.npy '<f4' '4611686018427387905, 288'
refused_by_all '' wrapping.npy
zeros 2304 | npy scalar.npy '<f4' ''
refused_by_all '' scalar.npy
zeros 2304 | safetensors nameless.safetensors '{"z":{"dtype":"F32","shape":[2,288],"data_offsets":[0,2304]}}'
refused_by_all 'has no tensor .x.' nameless.safetensors
zeros 2304 | safetensors labels.safetensors '{"x":{"dtype":"U8","shape":[1,288],"data_offsets":[0,288]},"y":{"dtype":"U8","shape":[2016],"data_offsets":[288,2304]}}'
refused_by_all 'has 2016 labels for 1 records' labels.safetensors

# Of another shape than the model reads; and without labels, which a comparison needs.
zeros 2304 | npy narrow.npy '<f4' '9, 64'
refused 3 '^ounce: narrow.npy: .*another shape .*\[N, 288\]' run small.safetensors -i narrow.npy -o y.npy
ounce compress small.safetensors -m dense,codec=int8 -c narrow.npy -o out.safetensors
[ "$code" = 2 ] || [ "$code" = 3 ] || fail "narrow calibration data: exit $code"
one_line 'another shape' 'narrow calibration data'
refused 2 'no labels' compare small.safetensors -d small.npy -c calibration.npy -b 64KiB
absent y.npy out.safetensors
