#!/bin/sh
# plan.sh - the kernel of each layer and why; instruction sets that are capped; candidates that are timed.
. "$(dirname "$0")/common"
make_small

ok plan small.safetensors
printed '^fc1/0\.0  64 x 288, 1 columns$' '^    \* dense_[a-z0-9_]+ .*\(predicted\)' '^fc3/0\.0  10 x 64' '^file .*, one session '
[ "$(grep -c '^    \* ' ../out)" = 3 ] || fail 'not one kernel for each of three layers'
cp ../out first
ok plan small.safetensors
cmp first ../out || fail 'a plan without trial is not the same twice'

ok plan small.safetensors --batch 64 --all
printed '64 columns' 'made for a batch of up to' 'slower'
ok plan small.safetensors --isa scalar --all
! grep -q '__avx' ../out || fail 'a scalar plan names a vector kernel'
OUNCE_ISA=scalar
export OUNCE_ISA
cp ../out first
ok plan small.safetensors --all
cmp first ../out || fail 'OUNCE_ISA does not do what --isa does'
unset OUNCE_ISA

ok plan small.safetensors --json
[ "$(json file_bytes)" = "$(bytes_of small.safetensors)" ] || fail 'file_bytes is not the size of the file'
[ "$(grep -c '"chosen": true' ../out)" = 3 ] || fail 'not one chosen candidate for each of three layers'
! grep '"measured_ns"' ../out | grep -qv -e '-1.0' || fail 'a plan without trial measured something'
ok plan small.safetensors --trial --json
[ "$(grep '"measured_ns"' ../out | grep -cv -e '-1.0')" -ge 3 ] || fail 'a trial measured nothing'

# Of the candidates that a trial timed, the fastest is chosen.
awk -F '[:,]' '/"layer"/ { layer = $2 } /"measured_ns"/ { time = $2 + 0 }
    /"chosen"/ && time > 0 {
        if (!(layer in least) || time < least[layer]) least[layer] = time
        if (/true/) chosen[layer] = time
    }
    END { for (l in least) if (chosen[l] != least[l]) { print l, chosen[l], least[l]; exit 1 } }' ../out ||
    fail 'a trial does not choose the fastest'

# Weights without a graph have kernels, but no session.
ok plan small.weights
printed 'no session without a graph$' '^fc1/0\.0  64 x 288'

refused 2 'unknown instruction set' plan small.safetensors --isa avx9000
refused 2 '--batch: too large' plan small.safetensors --batch 4294967296
