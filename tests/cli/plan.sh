#!/bin/sh
# plan.sh - the kernel of each layer and why; instruction sets that are capped; candidates that are timed.
. "$(dirname "$0")/common"
make_small

ok plan small.safetensors
printed '^times as fitted on [a-z0-9]+-[a-z0-9]+$' '^fc1/0\.0  64 x 288, 1 columns$' '^    \* dense_[a-z0-9_]+ .*\(predicted\)' '^fc3/0\.0  10 x 64' '^file .*, one session '
[ "$(grep -c '^    \* ' ../out)" = 3 ] || fail 'not one kernel for each of three layers'
cp ../out first
ok plan small.safetensors
cmp first ../out || fail 'a plan without trial is not the same twice'

ok plan small.safetensors --batch 64 --all
printed '64 columns' 'slower'
ok plan small.safetensors --batch 4 --all
printed '4 columns' 'made for a batch of 5 and up|built without oneDNN'
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

# --assert: what the table chooses against what is measured. The exit code says what is printed.
says_what_it_does() { # says_what_it_does ARGUMENT...
    ounce plan "$@"
    printed '^[0-9]+ choices, [0-9]+ of them over [0-9]+ % slower than the best measured, at most [0-9]+ %$'
    bad=$(sed -n 's/^[0-9]* choices, \([0-9]*\) of them.*/\1/p' ../out)
    [ "$code" = $((bad > 0)) ] || fail "exit $code with $bad slow ones: $(cat ../out)"
    [ "$(grep -c ' longer than ' ../out)" = "$bad" ] || fail "not $bad lines: $(cat ../out)"
}
says_what_it_does small.safetensors --assert 0% --batch 16
says_what_it_does small.safetensors --assert 15% --isa scalar
ok plan small.safetensors --assert 90000%
printed '^3 choices, 0 of them over 90000 %'
cat >shapes <<'END'
# a linear layer and a convolution of 20 pixels
threads 1 2
batches 1 70
methods dense,codec=int8 sparse,codec=f32,sparsity=0.9
layer small 48x64
layer conv 16x27 20
END
says_what_it_does --assert 0 --shapes shapes
printed '^16 choices'
says_what_it_does --assert 10% --shapes shapes --only 'conv dense'
printed '^4 choices'
ok plan --assert 90000% --shapes shapes --json
[ "$(json choices)" = 16 ] && [ "$(json slow)" = 0 ] || fail "not 16 good choices: $(cat ../out)"
printed '"offenders": \[\]' '"worst": [0-9.]+'
ounce plan --assert 0% --shapes shapes --json
[ "$(json slow)" = "$(grep -c '"best_ns"' ../out)" ] || fail "not as many offenders as it says: $(cat ../out)"
[ "$code" = $(($(json slow) > 0)) ] || fail "exit $code with $(json slow) slow ones"

refused 2 "--assert: 'much' is not a share" plan small.safetensors --assert much
refused 2 '--shapes goes with --assert' plan --shapes shapes
refused 2 'plan needs one model' plan --assert 15%
refused 2 'plan needs one model' plan small.safetensors --assert 15% --shapes shapes
refused 4 'cannot open' plan --assert 15% --shapes nowhere
refuse_list() { # refuse_list PATTERN LINE...
    pattern=$1
    shift
    printf '%s\n' "$@" >wrong
    refused 3 "wrong: line $#: $pattern" plan --assert 15% --shapes wrong
}
refuse_list 'a layer before its threads' 'threads 1' 'layer a 16x16'
refuse_list 'not a number from 1' 'threads 1' 'batches 1 x'
refuse_list 'an empty list' 'threads 1' 'batches 1' methods
refuse_list "not 'layer NAME" 'threads 1' 'batches 1' 'methods dense,codec=f32' 'layer a 16'
refuse_list 'begins with none' 'layers a'

refused 2 'unknown instruction set' plan small.safetensors --isa avx9000
refused 2 '--batch: too large' plan small.safetensors --batch 4294967296
