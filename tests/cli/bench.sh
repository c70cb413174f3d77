#!/bin/sh
# bench.sh - kernels, layers and models side by side, on shapes small enough to be quick.
. "$(dirname "$0")/common"
make_small

ok bench layer --shape 48x64 --runs 1 --batch 2 -m dense,codec=int8 -m nm:2:8,codec=int8
printed '^random layer, 48 x 64, batch 2, median of 1$' '^ +median +fastest +kernels alone +bytes +rate +of limit +x dense' '^dense,codec=f32 .* 1\.00x$' '^dense,codec=int8 ' '^nm:2:8,codec=int8 '
ok bench layer -s 48x64 -r 1 -b 1 -b 3 -m dense,codec=int8 --json
[ "$(grep -c '"subject": "dense,codec=int8"' ../out)" = 2 ] || fail 'not two batches'
printed '"leaf_bytes": [1-9]' '"operations": [1-9]' '"share": [0-9]' '"limit": "[BFD]"' '"dots_per_ns": [0-9]'
printed '"median_ns": [0-9]' '"kernels_ns": [1-9]' '"resident_bytes": [0-9]'
ok bench layer small.safetensors --layer fc2 -r 1 -b 1 -m dense,codec=int4
printed '^fc2, 64 x 64, batch 1' '^as stored '
ok bench kernel -s 48x64 -b 1 -m dense,codec=int8
printed '^dense,codec=int8, bare kernels, one thread, batch 1,' '^dense_mv_int8__[a-z0-9]+ .*/s .* of [BFD] .*x$' '^dense,codec=f32 .* 1\.00x$'
ok bench model small.safetensors -r 1 -b 4
printed '^whole models, batch 4' '^small '

ok bench layer -s 48x64 -r 1 -b 1 --cold -m dense,codec=int8
printed ', batch 1, median of 1, cold$' '^dense,codec=int8 .* (GB/s .* of B|GOP/s .* of D) '

# Rivals are programs with a protocol of three lines: one that runs, one that cannot, one that breaks off.
cat >rivals <<'END'
#!/bin/sh
echo "$*" >>asked
case $1 in
quick) echo 'ready quick 1.0'; while read -r line; do echo 250000.5; done ;;
telling) echo 'ready telling 1.0'; while read -r line; do case $line in work) echo 12288 98304 ;; *) echo 1000.5 ;; esac; done; echo "$2" >>ended ;;
absent) echo 'unable: not installed' ;;
broken) echo 'ready broken 1.0'; read -r line ;;
*) exit 1 ;;
esac
END
chmod +x rivals
ok bench layer -s 48x64 -r 3 -b 2 -j 1 -m dense,codec=int8 --rivals ./rivals --rival quick:int8:0.9 --rival absent --rival broken --rival none
printed '^quick:int8:0.9 +250 us +250 us' '^absent +not installed' '^broken +broken 1.0' '^none +it does not start'
grep -q '^quick batch=2 threads=1 codec=int8 sparsity=0.9 cold=0 rows=48 cols=64$' asked || fail "asked for $(cat asked)"

ok bench layer -s 48x64 -r 3 -b 16 -m dense,codec=int8 --rivals ./rivals --rival telling --rival absent --markdown l.md --plot l.svg
printed '^telling +1 us .* 12.0 KiB +(98 GOP/s|12.3 GB/s) .* of [BF] ' '^dense,codec=int8 .* of [BD] '
grep -q '^| telling | 1 us | .* | 12.0 KiB | .* of [BF] | ' l.md && grep -q '^| absent | not installed |' l.md || fail "Markdown: $(cat l.md)"
grep -q '^<svg' l.svg && grep -q '>telling<' l.svg && grep -q '>not installed<' l.svg || fail 'no chart of the layer'
ok bench layer -s 48x64 -r 1 -b 3 -m dense,codec=int8 --rivals ./rivals --rival telling --rival telling:int8 --rival telling:int4
[ "$(grep -c '^batch=3' ended)" = 3 ] || fail 'a rival was not told that its work is over'

# The round trip of a line of the cache, between two threads: with one there is none, nor where a busy machine
# does not run both at the same time; so there are a few attempts.
travels() { # TIMES COMMAND...
    times=$1
    shift
    for attempt in 1 2 3 4 5; do
        ok "$@"
        [ "$(grep -cE '"round_trip_ns": [1-9]|, R [1-9][0-9]* ns$' ../out)" != "$times" ] || return 0
    done
    fail "not $times round trips: $(cat ../out)"
}
travels 2 bench layer -s 48x64 -r 1 -b 1 -j 2 -m dense,codec=int8 --json --markdown l.md
grep -q 'F [0-9]* GFLOP/s, D [0-9]* GOP/s, R [1-9][0-9]* ns$' l.md || fail "Markdown: $(cat l.md)"
ok bench layer -s 48x64 -r 1 -b 1 -j 1 -m dense,codec=int8 --json --markdown l.md
! grep -q round_trip_ns ../out && grep -q 'D [0-9]* GOP/s$' l.md || fail "one thread: $(cat ../out l.md)"
ok bench kernel -s 48x64 -b 1 -m dense,codec=int8 --markdown k.md --plot k.svg --json
printed '"chosen": true' '"gop_per_s"' '"speedup"'
grep -q 'dense_mv_int8__' k.md && grep -q 'dense_mv_int8__' k.svg || fail 'no table or chart of kernels'
ok bench model small.safetensors -r 1 -b 4 --plot m.svg
grep -q '>small<' m.svg || fail 'no chart of the model'
refused 4 'l.svg' bench layer -s 48x64 -r 1 --plot nowhere/l.svg

# Targets: a line a figure; those of other instruction sets are left out, missed ones are told by the exit code.
cat >targets <<'END'
# comment
dense,codec=int8 48x64 1 1 hot dense scalar=0.000001 avx2=0.000001 avx512=0.000001 avx512vnni=0.000001
dense,codec=int4,group=32 48x64 1 1 hot dense,codec=int8 scalar=0.000001 avx2=0.000001
dense,codec=int8 48x64 4 1 hot quick:int8 scalar=0.000001
dense,codec=int8 48x64 4 1 hot absent:int8 scalar=1
END
ok bench targets targets -r 1 --isa scalar --rivals ./rivals --markdown table.md --plot table.svg
printed '^48 x 64, batch 1: F [0-9]+ GFLOP/s, D [0-9]+ GOP/s$' '^dense,codec=int8 +1 x1 hot .* x dense .ours. +0\.00$' 'x quick:int8 ' '^3 of 4 targets reached, 1 without an opponent'
[ "$(grep -c '^| dense' table.md)" = 4 ] || fail "the table has $(cat table.md)"
grep -q 'batch 4, 1 thread, weights in the caches<' table.svg || fail 'no chart of targets'
ok bench targets targets -r 1 --isa scalar --rivals ./rivals --only 'dense,codec=int8 48x64 1' --json
[ "$(grep -c '"method"' ../out)" = 1 ] || fail "--only kept $(cat ../out)"
refused 2 'no target has nothing in its line' bench targets targets -r 1 --isa scalar --only nothing
echo 'dense,codec=int8 48x64 1 2 hot dense scalar=0.000001' >two
travels 1 bench targets two -r 1 -j 2 --isa scalar --rivals ./rivals
printed '^48 x 64, batch 1: F [0-9]+ GFLOP/s, D [0-9]+ GOP/s, R [1-9][0-9]* ns$'
travels 1 bench targets two -r 1 -j 2 --isa scalar --rivals ./rivals --json
mkdir nets && cp small.safetensors nets/small.safetensors && cp small.safetensors nets/small-0.9.safetensors
cat >networks <<'END'
net:small:0.9 - 2 1 hot quick:f32 scalar=0.000001
net:small - 2 1 hot kernels scalar=0.000001
net:absent - 1 1 hot quick:f32 scalar=1
END
ounce bench targets networks -r 1 --isa scalar --rivals ./rivals --nets nets
[ "$code" = 0 ] || fail "networks: exit $code: $(cat ../err)"
one_line 'left out net:absent: no file nets/absent.safetensors' 'an absent network'
printed '^small, batch 2: F ' '^net:small:0.9 +2 x1 hot .* x quick:f32 ' 'kernels alone / all' '^2 of 2 targets reached'
grep -q 'net=small' asked || fail "asked for $(cat asked)"
echo 'net:small - 1 1 cold quick:f32 scalar=1' >wrong
refused 3 'wrong: line 1: not METHOD ROWSxCOLS' bench targets wrong --isa scalar
echo 'dense,codec=int8 48x64 1 1 hot F scalar=1000' >hopeless
ounce bench targets hopeless -r 1 --isa scalar
[ "$code" = 1 ] || fail "a missed target exits with $code"
printed 'missed$'
echo 'dense,codec=int8 48x64 1 1 warm F scalar=1' >wrong
refused 3 'wrong: line 1: not METHOD ROWSxCOLS' bench targets wrong --isa scalar
refused 4 'cannot open' bench targets nowhere
refused 2 'needs a table' bench targets

# Where zeros begin to pay.
ok bench crossover -s 64x64 -b 2 -r 1 --rivals ./rivals --markdown c.md --plot c.svg
printed '^64 x 64, [0-9]+ threads, median of 1$' '^batch 2: dense f32 .*ours., dense int8 .*ours.' '^  sparse f32 +faster than dense f32 from ' '^  nm int8 '
grep -q '^| 2 | .*(ours) | .* x (ours) |' c.md || fail "Markdown: $(cat c.md)"
grep -q '>batch 2: 1 is dense f32' c.svg || fail 'no chart of curves'
travels 2 bench crossover -s 64x64 -b 2 -b 5 -r 1 -j 2 --rivals ./rivals --json
[ "$(grep -c '"form": "sparse int8"' ../out)" = 2 ] || fail "JSON: $(cat ../out)"

# What kernels take, as a table for the library.
cat >layers <<'END'
threads 1
batches 1 4 16 64
methods dense,codec=int8 sparse,codec=f32,sparsity=0.5
layer small 48x64
layer larger 96x200
END
ok bench fit layers --isa scalar --output scalar-machine.inc
cp scalar-machine.inc ../out
printed '^static const double scalar_machine_cache_bytes = [0-9]' 'scalar_machine_awake_ns = [0-9]+, scalar_machine_asleep_ns = ' \
    '^static const oz_cost_line scalar_machine_lines' '^    \{"mv", "dense", "int8", "dense_mv_int8", \{[-+0-9.e, ]+\}\}, /\* 8: [0-9]+ %, [0-9]+ % \*/$' \
    '^    \{"mm", "sparse:mask", "f32", "sparse_mm_f32_nz", ' '^    \{"mm", "", "", "nz", ' '^\};$'
! grep -q '{-\|, -' ../out || fail 'a negative coefficient'
ok bench fit layers --isa scalar
printed '^static const oz_cost_line this_machine_lines'
refused 2 'bench fit needs a list' bench fit
refused 4 'cannot open' bench fit nowhere

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
