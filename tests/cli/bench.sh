#!/bin/sh
# bench.sh - kernels, layers and models side by side, on shapes small enough to be quick.
. "$(dirname "$0")/common"
make_small

ok bench layer --shape 48x64 --runs 1 --batch 2 -m dense,codec=int8 -m nm:2:8,codec=int8
printed '^random layer, 48 x 64, batch 2, median of 1$' '^ +median +fastest +kernels alone +bytes' '^dense,codec=f32 .* 1\.00x$' '^dense,codec=int8 ' '^nm:2:8,codec=int8 '
ok bench layer -s 48x64 -r 1 -b 1 -b 3 -m dense,codec=int8 --json
[ "$(grep -c '"subject": "dense,codec=int8"' ../out)" = 2 ] || fail 'not two batches'
printed '"median_ns": [0-9]' '"kernels_ns": [1-9]' '"resident_bytes": [0-9]'
ok bench layer small.safetensors --layer fc2 -r 1 -b 1 -m dense,codec=int4
printed '^fc2, 64 x 64, batch 1' '^as stored '
ok bench kernel -s 48x64 -b 1 -m dense,codec=int8
printed '^dense,codec=int8, batch 1, one thread, bare kernels$' '^  \* dense_mv_int8__[a-z0-9]+ .* GOP/s$'
ok bench model small.safetensors -r 1 -b 4
printed '^whole models, batch 4' '^small '

# Of the default set, what a tiny layer is too small for is left out with a remark.
ounce bench layer -s 16x16 -r 1 -b 1
[ "$code" = 0 ] || fail "bench layer 16x16: exit $code: $(cat ../err)"
! grep -qv '^ounce: left out ' ../err || fail "another remark: $(cat ../err)"

refused 2 'rows and columns' bench layer -s 0x5
refused 2 'rows and columns' bench layer -s 1000000000x1000000000
refused 2 '--shape: ROWSxCOLS' bench layer -s 5
refused 2 "--batch: '0' is not" bench layer -s 16x16 -b 0
refused 2 "--batch: '65537' is not" bench kernel -s 16x16 -b 65537
refused 2 '--runs: at most 1000' bench layer -s 16x16 -r 1001
refused 2 'no such format' bench layer -s 16x16 -m nonsense
refused 2 'has no such layer' bench layer small.safetensors -l fc9
refused 2 'bench model needs a model' bench model
