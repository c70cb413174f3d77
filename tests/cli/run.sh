#!/bin/sh
# run.sh - records in, .npy out; the same numbers from any file of the same records, batch and thread count.
. "$(dirname "$0")/common"
make_resnet8
test=$examples/test.safetensors

ok run resnet8.safetensors -i "$test" -n 100 -o y.npy
printed '^[0-9]+ of 100 correct: [0-9.]+ %$'
right=$(sed 's/ .*//' ../out)
[ "$right" -ge 70 ] || fail "only $right of 100 images are recognised"

# The header of a .npy file of 100 x 10 f32, and the numbers after it.
[ "$(head -c 10 y.npy | od -An -t x1 | tr -d ' \n')" = 934e554d505901007600 ] || fail 'y.npy begins otherwise'
head -c 128 y.npy | tail -c 118 | grep -q "^{'descr': '<f4', 'fortran_order': False, 'shape': (100, 10,), } *\$" ||
    fail 'y.npy has another header'
[ "$(bytes_of y.npy)" = 4128 ] || fail 'y.npy has another size'

ok run resnet8.safetensors -i "$test" -n 100 --json
[ "$(json records) $(json correct)" = "100 $right" ] || fail "--json says: $(cat ../out)"

# The same images as .npy, of bytes and of floats.
tensor "$test" x | head -c 307200 | npy x.npy '|u1' '100, 3, 32, 32'
ok run resnet8.safetensors -i x.npy -o y2.npy
printed '^100 records$'
cmp y.npy y2.npy || fail 'x.npy gives other numbers than the data set'
ok run resnet8.safetensors -i x.npy -o any.npy --reproducible
ok run -q resnet8.safetensors --input=x=x.npy --output=logits=y3.npy -n 10 --reproducible
[ ! -s ../out ] || fail 'not quiet'
head -c 528 y3.npy | tail -c 400 >ten
tail -c +129 any.npy | head -c 400 | cmp - ten || fail 'ten records differ from the first ten of a hundred'
ok run resnet8.safetensors -i x.npy -o y3.npy --force --threads 1
cmp y.npy y3.npy || fail 'one thread gives other numbers'
ok run resnet8.safetensors -i x.npy -o y3.npy -f --threads=3
cmp y.npy y3.npy || fail 'three threads give other numbers'

# What run writes, run reads: an identity leaves it as it is.
{
    for row in 0 1 2 3 4 5 6 7 8 9; do
        zeros $((4 * row)) && printf '\000\000\200\077' && zeros $((4 * (9 - row)))
    done
} | safetensors identity.weights '{"one.weight":{"dtype":"F32","shape":[10,10],"data_offsets":[0,400]}}'
echo '{"inputs": {"a": ["N", 10]}, "outputs": ["b"], "nodes": [["linear", "b", ["a"], {"weight": "one"}]]}' >identity.json
ok import -g identity.json -w identity.weights -o identity.safetensors
ok run identity.safetensors -i y.npy -o same.npy --batch 7
cmp y.npy same.npy || fail 'y.npy does not survive a round trip'

refused 4 '^ounce: y.npy: exists already; .*--force' run resnet8.safetensors -i x.npy -o y.npy
refused 4 '^ounce: nowhere/y.npy: ' run resnet8.safetensors -i x.npy -o nowhere/y.npy
refused 4 '^ounce: .: is not a regular file' run resnet8.safetensors -i x.npy -o . -f
refused 2 "input 'x' needs --input x=FILE" run resnet8.safetensors
refused 2 '--input=z=x.npy: the model has no such input' run resnet8.safetensors -i z=x.npy
refused 2 '--input=x.npy: the model has no such input' run resnet8.safetensors -i x=x.npy -i x.npy
refused 2 '--output=z=z.npy: the model has no such output' run resnet8.safetensors -i x.npy -o z=z.npy
refused 2 'unknown instruction set' run resnet8.safetensors -i x.npy --isa mmx
