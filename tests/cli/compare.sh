#!/bin/sh
# compare.sh - one table on the same records, as text, JSON, CSV and a page that loads nothing from elsewhere.
. "$(dirname "$0")/common"
make_resnet8
ok compress resnet8.safetensors -o "<b>bold.safetensors" -m dense,codec=int4

compare() {
    ok compare resnet8.safetensors -d "$examples/test.safetensors" -c "$examples/calibration.safetensors" -n 40 \
        --quick "$@"
}
compare -b 48KiB -m dense -m sparse,codec=int4 --ready '<b>bold.safetensors' --report page.html --plots .
printed '^At 48 KiB: ' '^. dense ' '^. sparse,codec=int4' 'dense,codec=int8 ' 'dense,codec=f32 ' 'chance: 10\.0 %' \
    '40 records'

grep -q '^<!doctype html>' page.html || fail 'page.html is no page'
for plot in *.svg; do grep -q '<svg' "$plot" || fail "$plot is no plot"; done
[ "$(ls ./*.svg | wc -l)" -ge 3 ] || fail 'there are less than three plots'
foreign=$(grep -Eo '(https?:)?//[a-z0-9.-]+\.[a-z]+[^"<> )]*' page.html ./*.svg | sed 's/.*\.\(html\|svg\)://' |
    sort -u | grep -v '^http://www\.w3\.org/2000/svg$' || true)
[ -z "$foreign" ] || fail "the page refers to $foreign"
! grep -Eq '<(script|link|img|iframe)[ >]|url\(|@import' page.html || fail 'the page loads something'
! grep -q '<b>bold' page.html || fail 'a file name is markup of the page'
grep -q '&lt;b&gt;bold' page.html || fail 'the ready-made model is not on the page'

printed ' setting .* unused .* KL .* flips .* i8 act .* latency .* per s' '^policy: @first = dense,codec=int8; ' \
    '^correction: affine, calibration: 256 records' 'threads: [1-9]'
compare -b 48KiB -m 'dense' -m 'dense,codec=int3 + lowrank' --correct none --json
printed "'dense,codec=int3 \\+ lowrank' --correct" '"command": "ounce compare ' '"records": 40' 'dense,codec=int8' '"policy": "@first' '"threads": [1-9]' \
    '"correct_with_f32_activations": '
compare -b 48KiB,4KiB -m dense --csv --policy none
head -n 1 ../out | grep -q '^budget,state,rank,network,method,' || fail 'CSV without a head'
grep -q '^49152,ranked,1,resnet8,dense,' ../out || fail "48 KiB is not in the table: $(cat ../out)"
grep -q '^4096,does not fit,' ../out || fail "4 KiB should not fit: $(cat ../out)"
[ "$(awk -F '"' '{ gsub(/"[^"]*"/, ""); print gsub(/,/, "") }' ../out | sort -u | wc -l)" = 1 ] ||
    fail 'the lines of the CSV have different numbers of fields'

# What compare made for a budget, compress makes too: as a ready-made model it has the same bytes and answers.
ok compress resnet8.safetensors -o made.safetensors -m sparse,codec=int4 -b 40KiB -c "$examples/calibration.safetensors"
compare -b 40KiB -m sparse,codec=int4 --ready made.safetensors --csv
awk -F , '/^40960,/ && /sparse,codec=int4|made,/ { print }' ../out | sed 's/"[^"]*"/q/g' | cut -d , -f 9,10,13 | sort -u >same
[ "$(wc -l <same)" = 1 ] || fail "compress and compare differ: $(cat same)"

# What is wrong with a file is said of that file.
{ head -c 290000 resnet8.safetensors && printf '\377\377' && tail -c +290003 resnet8.safetensors; } >damaged.safetensors
refused 3 '^ounce: damaged.safetensors: layer3\.0\.conv2\.weight: .*damaged' compare damaged.safetensors \
    -d "$examples/test.safetensors" -c "$examples/calibration.safetensors" -n 40 -b 48KiB -m dense
{ zeros 3072 && printf '\077'; } | safetensors wrong.safetensors '{"x":{"dtype":"U8","shape":[1,3,32,32],"data_offsets":[0,3072]},"y":{"dtype":"U8","shape":[1],"data_offsets":[3072,3073]}}'
refused 3 '^ounce: wrong.safetensors: label 0 is 63, but' compare resnet8.safetensors -d wrong.safetensors \
    -c "$examples/calibration.safetensors" -b 48KiB -m dense
zeros 4610 | safetensors narrow.safetensors '{"x":{"dtype":"U8","shape":[2,3,24,32],"data_offsets":[0,4608]},"y":{"dtype":"U8","shape":[2],"data_offsets":[4608,4610]}}'
refused 3 '^ounce: narrow.safetensors: the model takes records of \[3, 32, 32\]' compare resnet8.safetensors \
    -d narrow.safetensors -c "$examples/calibration.safetensors" -b 48KiB -m dense
refused 2 '^ounce: narrow.safetensors: dense,codec=int8: the records have another shape' compare resnet8.safetensors \
    -d "$examples/test.safetensors" -c narrow.safetensors -b 48KiB -m dense

refused 4 '^ounce: page.html: exists already' compare resnet8.safetensors -d x -c x -b 1k --report page.html
refused 4 '^ounce: nowhere: cannot open the folder: .*make it first' compare resnet8.safetensors -d x -c x -b 1k --plots nowhere
refused 4 '^ounce: nowhere: cannot open' compare resnet8.safetensors -d x -c x -b 1k --policy nowhere
refused 4 '^ounce: nowhere/page: cannot write to its folder: .*make it first' compare resnet8.safetensors -d x -c x -b 1k \
    --report nowhere/page
cp resnet8.safetensors again.safetensors
mkdir elsewhere
cp resnet8.safetensors elsewhere
for twice in resnet8.safetensors elsewhere/resnet8.safetensors; do
    refused 2 "^ounce: $twice: there is a network 'resnet8' already" compare resnet8.safetensors "$twice" \
        -d "$examples/test.safetensors" -c "$examples/calibration.safetensors" -b 1k
done
refused 2 '^ounce: --method: nonsense: at column 1: .*no such format' compare resnet8.safetensors -d x -c y -b 48KiB \
    -m dense -m nonsense --report page.html
refused 2 'no such format' compare resnet8.safetensors -d "$examples/test.safetensors" \
    -c "$examples/calibration.safetensors" -n 20 --quick -b 48KiB -m nonsense
refused 2 'one file' compare resnet8.safetensors -d "$examples/test.safetensors" -c "$examples/test.safetensors" -n 20 \
    -b 48KiB
