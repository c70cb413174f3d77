#!/bin/sh
# pack.sh - the matrices of a vision transformer, which has no graph: inspected, compressed by methods and to a
# budget, timed. Skipped (77) without the pack of further models.
. "$(dirname "$0")/common"
vit=${OZ_SHARED_DATA:-}/vision/vit-mnist/vit_mnist.safetensors
[ -e "$vit" ] || exit 77

ok inspect "$vit"
printed '^no graph' '^transformer\.layers\.5\.1\.fn\.fn\.net\.2 .* 64 x 128 ' '^mlp_head\.2 .* 10 x 128 ' \
    '^pos_embedding .* 17 x 64 ' "^resident  *$(bytes_of "$vit") "

small() { # small METHOD OPTION...: the model is whole, and the bytes are those that are printed
    method=$1
    shift
    ok compress "$vit" -f -o small.safetensors -m "$method" "$@"
    size=$(bytes_of small.safetensors)
    printed "^small\\.safetensors: $size bytes "
    ok verify small.safetensors
    ok inspect small.safetensors --json
    [ "$(json total)" = "$size" ] && [ "$(json resident)" = "$size" ] || fail "$method: other bytes"
    [ "$(grep -c '"activations"' ../out)" = 28 ] || fail "$method: not 28 layers"
}
for method in dense,codec=int8 sparse,codec=int3,sparsity=0.4 nm:2:8,codec=int8 lowrank:8,codec=int8 \
    hashed,codec=int8,ratio=0.25 'dense,codec=int3 + lowrank:2,codec=int8' dense,codec=ternary; do
    small "$method"
    [ "$size" -lt 240000 ] || fail "$method: $size bytes"
done
for method in dense sparse,codec=int3 nm:8,codec=int4 lowrank hashed,codec=int8; do
    small "$method" -b 96KiB
    [ "$size" -le 98304 ] && [ "$size" -ge 96338 ] || fail "$method: $size bytes fill 96 KiB by less than 98 %"
done
refused 2 'does not fit: .* at least [0-9]+ bytes' compress "$vit" -q -o no -m dense -b 16KiB
refused 3 'no graph' run small.safetensors -i small.npy

ok bench layer "$vit" -q -l transformer.layers.0.1.fn.fn.net.0 -r 3 -m dense,codec=int8 -m nm:2:8,codec=int8
printed '^transformer\.layers\.0\.1\.fn\.fn\.net\.0, 128 x 64, batch 64' '^as stored ' '^nm:2:8,codec=int8 '
