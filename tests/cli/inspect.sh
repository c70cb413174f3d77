#!/bin/sh
# inspect.sh - layers, bytes that add up to the file's size, provenance; verify; names that nobody trusts.
. "$(dirname "$0")/common"
make_resnet8
size=$(bytes_of resnet8.safetensors)

ok inspect resnet8.safetensors
printed '^input   x f32 \[N, 3, 32, 32\]$' '^output  logits f32 \[N, 10\]$' '^layer3\.0\.conv2  conv2d .*64 x 576 ' \
    '^linear .*10 x 64 ' "^stored  *$size " "^resident  *$size " '^source  *resnet8.safetensors$'
ok inspect resnet8.safetensors --leaves
printed '^    0\.0     64 x 576 .*36864 weights stored  values 147456 '
ok inspect resnet8.safetensors --graph
printed '^\{.*"conv2d".*\}$'

ok inspect resnet8.safetensors --json
[ "$(json resident)" = "$size" ] || fail "resident: $(json resident), file: $size"
[ "$(json total)" = "$size" ] || fail "total: $(json total), file: $size"
sum=0
for kind in values index scales vectors padding header; do sum=$((sum + $(json $kind))); done
[ "$sum" = "$size" ] || fail "the kinds of bytes add up to $sum of $size"
[ "$(grep -c '"act' ../out)" = 8 ] || fail 'not eight layers'
printed '"name": "layer1\.0\.conv1"' '"op": "conv2d"' '"weight": "dense,codec=f32"' '"source": "resnet8.safetensors"'

# The same for 64 MiB; that the process takes these bytes is for tests/runtime/test_resident.c.
zeros 67108864 | safetensors large '{"w":{"dtype":"F32","shape":[4096,4096],"data_offsets":[0,67108864]}}'
ok inspect large --json
[ "$(json total)" = "$(bytes_of large)" ] && [ "$(json resident)" = "$(bytes_of large)" ] || fail 'large has other bytes'

# Resident is more where something is materialised.
ok inspect "$examples/shared.safetensors" --json
[ "$(json total)" = "$(bytes_of "$examples/shared.safetensors")" ] || fail 'shared.safetensors has other bytes'
printed '"shared": true' '"format": "hashed"'

ok verify resnet8.safetensors "$examples/shared.safetensors"
printed '^resnet8.safetensors: whole$' 'shared.safetensors: whole$'
ok verify -q resnet8.safetensors
[ ! -s ../out ] || fail 'verify is not quiet'
ok verify --json resnet8.safetensors
printed '"file": "resnet8.safetensors"' '"ok": true'

# A changed byte is found, with its tensor; the other file is judged all the same.
{ head -c 290000 resnet8.safetensors && printf '\377\377' && tail -c +290003 resnet8.safetensors; } >changed
cmp -s changed resnet8.safetensors && fail 'nothing was changed'
refused 1 '^ounce: changed: layer3\.0\.conv2\.weight: .*damaged' verify changed
refused 1 '^ounce: changed: ' verify changed resnet8.safetensors
printed '^resnet8.safetensors: whole$'
refused 1 '^ounce: changed: ' verify changed --json
printed '"ok": false' '"status": "OZ_ERR_CHECKSUM"' '"where": "layer3\.0\.conv2\.weight"'
refused 3 '^ounce: changed: layer3\.0\.conv2\.weight: ' compress changed -m dense,codec=int8 -o out.safetensors
# So is a changed word of the graph.
sed s/relu/gelu/g resnet8.safetensors >edited
refused 1 '^ounce: edited: header: .*changed' verify edited
refused 3 '^ounce: edited: header: ' compress edited -m dense,codec=int8 -o out.safetensors
refused 4 '^ounce: nowhere: ' verify resnet8.safetensors nowhere

# A terminal never gets the control characters of a file.
hostile() { # hostile NAME: a weight of that name
    zeros 16 | safetensors hostile "{\"$1.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
}
escape=$(printf '\033') c1=$(printf '\302\233')
hostile 'a\u001b[2Jb'
refused 3 '^ounce: hostile: .*control' inspect hostile
hostile "a${c1}2Jb"
for option in -q --leaves --json; do
    ounce inspect hostile "$option"
    ! LC_ALL=C grep -q -e "$escape" -e "$c1" ../out ../err || fail "inspect $option lets control characters pass"
done
hostile "a${escape}[2Jb${c1}2J"
refused 3 '^ounce: hostile: ' inspect hostile
! LC_ALL=C grep -q -e "$escape" -e "$c1" ../err || fail 'errors let control characters pass'
