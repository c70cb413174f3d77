#!/bin/sh
# compress.sh - every family of methods makes a model that is whole, runs, and has the bytes that are printed.
. "$(dirname "$0")/common"
make_small
ok run small.safetensors -i small.npy -o dense.npy

compress() { # compress METHOD PATTERN...: as inspect shows the result's layers
    method=$1
    shift
    ok compress small.safetensors -o out.safetensors --force -m "$method"
    printed "^out.safetensors: $(bytes_of out.safetensors) bytes "
    ok verify out.safetensors
    ok inspect out.safetensors --leaves
    printed "$@" "^stored  *$(bytes_of out.safetensors) " '^method ' '^source '
    ok run out.safetensors -i small.npy -o out.npy --force
    [ "$(bytes_of out.npy)" = "$(bytes_of dense.npy)" ] || fail "$method: other outputs"
}
for codec in f16 bf16 int8 int6 int5 int4 int3 int2 ternary; do
    compress "dense,codec=$codec" "^fc2 .* dense,codec=$codec" '^fc1 .* dense,codec=int8' '^fc3 .* dense,codec=int8'
done
compress dense,codec=int4,group=32 '^fc2 .* dense,codec=int4,group=32'
compress sparse,codec=int4,sparsity=0.7 '^fc2 .* sparse,codec=int4'
compress sparse,codec=f32,sparsity=0.98 '^fc2 .* sparse,codec=f32'
compress nm:1:8,codec=int8 '^fc2 .* nm:1:8,codec=int8' 'form=list'
compress nm:3:4,codec=int8 '^fc2 .* nm:3:4,codec=int8' 'form=mask'
compress 'hashed:pareto,codec=f16,ratio=0.3' '^fc2 .* hashed,codec=f16,slots=1228$'
compress 'hashed:pareto,codec=f16,ratio=1' '^fc2 .* hashed,codec=f16,slots=4096,align=64'
for kind in roast hashednet robe; do
    compress "hashed:$kind,codec=f16,ratio=0.3" "^fc2 .* hashed,codec=f16,map=$kind"
done
compress lowrank:16,codec=int8 '^fc2 .* dense,codec=int8 \* dense,codec=int8'
compress lowrank:8,codec=int8 '^fc2 .* dense,codec=int8 \* dense,codec=f16' # 8 rows would be half a panel
compress 'dense,codec=int4 + lowrank:4,codec=f16' '^fc2 .* dense,codec=int4.* \+ dense,codec=f16 \* dense,codec=f16'
compress 'nm:2:8,codec=int4 + lowrank:2,codec=int8' '^fc2 .* nm:2:8,codec=int4.* \+ dense,codec=f16 \* dense,codec=f16'

# A recipe: globs, the last match wins, comments; and policies.
cat >recipe <<'END'
# the largest layer gets fewer bits
* = dense,codec=int4
fc1 = sparse,codec=int3,sparsity=0.5
@bias = f32
END
ok compress small.safetensors -o out.safetensors -f --recipe recipe
ok inspect out.safetensors
printed '^fc1 .* sparse,codec=int3' '^fc2 .* dense,codec=int4' '^fc3 .* dense,codec=int4' \
    '^recipe  *# the largest layer gets fewer bits; \* = dense,codec=int4; fc1 = .*; @bias = f32$'
ok compress small.safetensors -o out.safetensors -f -m dense,codec=int4 --policy none
ok inspect out.safetensors
printed '^fc1 .* dense,codec=int4' '^fc3 .* dense,codec=int4'
echo 'fc3 = dense,codec=f16' >policy
ok compress small.safetensors -o out.safetensors -f -m dense,codec=int4 --policy policy
ok inspect out.safetensors
printed '^fc1 .* dense,codec=int4' '^fc3 .* dense,codec=f16'

# Correction on data brings the outputs nearer; the seed decides what is random.
ok compress small.safetensors -o out.safetensors -f -m dense,codec=int2 -c small.npy --correct none --json
before=$(json output_error)
ok compress small.safetensors -o out.safetensors -f -m dense,codec=int2 -c small.npy --json
after=$(json output_error)
awk "BEGIN { exit !($before > 0 && $after < $before) }" || fail "corrected: error $after, before: $before"
[ "$(json bytes)" = "$(bytes_of out.safetensors)" ] || fail 'bytes of --json'
ok compress small.safetensors -o one.safetensors -m hashed,codec=f16,ratio=0.2 --seed 1
ok compress small.safetensors -o two.safetensors -m hashed,codec=f16,ratio=0.2 --seed 2
! tail -c 8000 one.safetensors | cmp -s - two.safetensors || fail 'the seed changes nothing'

# Of the line of the command the file keeps what makes it, so names and folders change no byte.
ok compress small.safetensors -o one.safetensors -f -m sparse,codec=int4 -b 24KiB -c small.npy
mkdir -p some/where
cp small.safetensors some/where/other.safetensors
cp small.npy some/where/calib.npy
ok compress some/where/other.safetensors -o some/where/two.safetensors -m sparse,codec=int4 -b 24KiB -c some/where/calib.npy
cmp one.safetensors some/where/two.safetensors || fail 'names of files are in the file'
ok inspect one.safetensors
printed '^budget  *24576$' '^correct  *affine, [0-9a-f]{16}$' '^method  *sparse,codec=int4$'
! grep -q '^command' ../out || fail 'the command line is in the file'

# One record has no deviations.
tensor "$examples/resnet8.safetensors" layer3.0.conv1.weight | head -c 1152 | npy single.npy '<f4' '1, 288'
ounce compress small.safetensors -o out.safetensors -f -m dense,codec=int4 -c single.npy
[ "$code" = 0 ] || fail "exit $code: $(cat ../err)"
one_line '^ounce: single.npy: has one record' 'one record'
printed '^out.safetensors: [0-9]* bytes \(.*\)$'
ok compress small.safetensors -o out.safetensors -f -m dense,codec=int4 -c single.npy -q

# A dry run prints what would be written, and writes nothing.
ok compress small.safetensors -o dry.safetensors -m nm:2:8,codec=int8 --dry-run
absent dry.safetensors
printed '^layer ' '^fc2 .* nm:2:8,codec=int8'
expected=$(sed -n 's/^the file would have: \([0-9]*\) bytes.*/\1/p' ../out)
ok compress small.safetensors -o dry.safetensors -m nm:2:8,codec=int8
written=$(bytes_of dry.safetensors)
away=$((written - expected))
[ "${away#-}" -le 256 ] || fail "the dry run said $expected bytes, the file has $written"

refused 4 '^ounce: dry.safetensors: exists already; .*--force' compress small.safetensors -o dry.safetensors -m dense,codec=int8
refused 4 '^ounce: nowhere/o: .*make it first' compress small.safetensors -o nowhere/o -m dense,codec=int8
refused 4 "^ounce: '': is not the name of a file" compress small.safetensors -o '' -m dense,codec=int8
refused 2 'no such format' compress small.safetensors -o dry.safetensors -m nonsense
refused 2 'no such format; have lowrank, dense, sparse, nm,' compress small.safetensors -o no -m nonsense
refused 2 'term is missing' compress small.safetensors -o no -m 'dense,codec=int4 +'
refused 2 'no codec int9' compress small.safetensors -o no -m dense,codec=int9
refused 2 '^ounce: --method: .*: at column 27: .*int9' compress small.safetensors -o no -m 'dense,codec=int4 + sparse,codec=int9'
refused 2 'at column 25: .*colour' compress small.safetensors -o no -m 'dense,codec=int4 + nm:8,colour=2,codec=int4'
refused 2 'larger ratio=, .*smaller block_k=' compress small.safetensors -o no -m hashed:roast,codec=f16,slots=100
refused 2 'group=3' compress small.safetensors -o no -m dense,codec=int4,group=3
refused 2 "no parameter 'colour'" compress small.safetensors -o no -m dense,codec=int4,colour=red
refused 2 'sparsity is open' compress small.safetensors -o no -m sparse,codec=int4
refused 2 '0 to 0\.9999' compress small.safetensors -o no -m sparse,codec=int4,sparsity=2
refused 2 'n is open' compress small.safetensors -o no -m nm:8,codec=int8
refused 2 'rank' compress small.safetensors -o no -m lowrank:0,codec=f16
echo 'no equals sign' >recipe
refused 2 'recipe: line 1: expected GLOB = METHOD' compress small.safetensors -o no -r recipe
printf '* = dense,codec=int8\n\nfc9 = dense,codec=int4\n' >recipe
refused 2 "^ounce: recipe: line 3: no layer is called 'fc9'; .*fc1" compress small.safetensors -o no -r recipe
printf '\n* = dense,codec=int77\n' >recipe
refused 2 'recipe: line 2: .*int77' compress small.safetensors -o no -r recipe
for method in nm:8:8,codec=int8 nm:0:4,codec=int8 nm:2:5,codec=int8; do
    ounce compress small.safetensors -o no -m "$method"
    [ "$code" = 2 ] || [ "$code" = 3 ] || fail "$method: exit $code"
    one_line '(n|m)' "$method"
done
absent no

# A state dict without its graph: convolutions are shown as the matrices that they are, and compressed only with a graph.
ok inspect "$examples/resnet20.safetensors"
printed '^conv1 .* 16 x 27 ' '^layer3\.0\.conv1 .* 64 x 288 ' '^linear .* 10 x 64 ' '^values  *1073344 ' 'ounce import'
ok inspect "$examples/resnet20.safetensors" --json
[ "$(grep -c '"op"' ../out)" = 20 ] || fail 'not 20 layers'
[ "$(json ignored)" = 0 ] || fail 'something of resnet20 is ignored'
refused 3 'resnet20\.safetensors: conv1\.weight: has 4 dimensions.*ounce import' \
    compress "$examples/resnet20.safetensors" -o out.safetensors -f -m dense,codec=int8
# Counters are no weights: they are left out, and that is said.
zeros 24 | safetensors counting '{"fc.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"n":{"dtype":"I64","shape":[],"data_offsets":[16,24]}}'
ounce compress counting -o out.safetensors -f -m dense,codec=int8
[ "$code" = 0 ] || fail "exit $code: $(cat ../err)"
one_line '^ounce: counting: 1 tensor \(8 B\) left out, the first n: ' 'compress of a counter'
ok compress counting -o out.safetensors -f -q -m dense,codec=int8
ok inspect counting
printed '^1 other tensor, .* that compress leaves out$'
