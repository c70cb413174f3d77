#!/bin/sh
# budget.sh - one open knob fills the budget to within two per cent; what does not fit says what would.
. "$(dirname "$0")/common"
ok import -g "$examples/resnet20.json" -w "$examples/resnet20.safetensors" -o net.safetensors

fill() { # fill BYTES METHOD
    ok compress net.safetensors -o out.safetensors -f --budget "$1" -m "$2" --json
    size=$(bytes_of out.safetensors)
    [ "$(json bytes)" = "$size" ] || fail "$2: it says $(json bytes) bytes, the file has $size"
    [ "$size" -le "$1" ] || fail "$2: $size bytes, over the budget of $1"
    [ "$size" -ge $(($1 - $1 / 50)) ] || fail "$2: $size bytes, more than 2 % below the budget of $1"
    ok verify out.safetensors
}
fill 98304 sparse,codec=int3
fill 98304 dense
fill 65536 sparse,codec=f16
fill 131072 nm:8,codec=int8
fill 98304 hashed,codec=f16
fill 98304 lowrank,codec=f16

# Sizes are written in several ways.
for size in 96KiB 96k 98304 98304B 98.304kB 0.09375MiB; do
    ok compress net.safetensors --dry-run --budget "$size" -m sparse,codec=int8
    printed '^the file would have: 9[78][0-9]* bytes .* under the budget; sparsity '
done

refused 2 '^ounce: net.safetensors: does not fit: .* at least [0-9]+ bytes .* budget is 8192 B$' \
    compress net.safetensors -o no.safetensors --budget 8KiB -m dense
absent no.safetensors
smallest=$(sed 's/.*at least \([0-9]*\) bytes.*/\1/' ../err)
ok compress net.safetensors -o least.safetensors --budget "$smallest" -m dense
[ "$(bytes_of least.safetensors)" -le "$smallest" ] || fail 'the smallest size is none'
refused 2 'does not fit' compress net.safetensors -o no.safetensors --budget $((smallest - 256)) -m dense
