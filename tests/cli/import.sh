#!/bin/sh
# import.sh - a graph and a plain safetensors become a model; what is wrong with either is named.
. "$(dirname "$0")/common"

cat >graph.json <<'END'
{"inputs": {"x": ["N", 2]}, "outputs": ["y"], "nodes": [
  ["linear", "y", ["x"], {"weight": "fc"}]
]}
END
header='{"fc.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}'
zeros 24 | safetensors weights "$header"

ok import -g graph.json -w weights -o model.safetensors
printed "^model.safetensors: $(bytes_of model.safetensors) B\$"
ok import -q --graph=graph.json --weights=weights --output=model.safetensors --force
[ ! -s ../out ] || fail 'not quiet'
ok inspect model.safetensors --json
[ "$(json total)" = "$(bytes_of model.safetensors)" ] || fail 'inspect counts other bytes than the file has'
refused 4 '^ounce: model.safetensors: exists already; .*--force' import -g graph.json -w weights -o model.safetensors

# Weights that the graph does not use are named; counters are not.
zeros 40 | safetensors more '{"fc.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"head.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[16,24]},"n":{"dtype":"I64","shape":[],"data_offsets":[24,32]},"tail":{"dtype":"F32","shape":[2],"data_offsets":[32,40]}}'
ounce import -g graph.json -w more -o out.safetensors
[ "$code" = 0 ] || fail "exit $code: $(cat ../err)"
one_line '^ounce: more: the graph does not use 2 tensors, the first head.weight$' 'unused tensors'
ok import -g graph.json -w more -o out.safetensors -f -q
rm out.safetensors

import() { # import CODE PATTERN: graph.json as changed by the script on stdin, and the weights
    sed -f - graph.json >changed.json
    refused "$1" "$2" import -g changed.json -w weights -o out.safetensors
    absent out.safetensors
}
echo 's/"y", \[/"y" [/' | import 3 'changed.json: .*line 2: .*at byte 75\)'
echo '4,$d;s/^]}$/]/' | import 3 'changed.json: .*at byte 102\)'
echo 's/^]}$/]} x/' | import 3 'changed.json: .*at byte 104\)'
echo 's/linear/linaer/' | import 3 'changed.json: .*y: unknown operator .linaer.'
echo 's/\["x"\]/["q"]/' | import 3 'changed.json: .*no input or earlier node'
echo 's/"outputs": \["y"\]/"outputs": ["z"]/' | import 3 'changed.json: .*no input or earlier node'
echo 's/"N", 2/"N", -2/' | import 3 'changed.json: .*a dimension must be'
echo 's/"N", 2/"N", 1e99/' | import 3 'changed.json: .*a dimension must be'
echo 's/"x"\], {/"x", "x"], {/' | import 3 'changed.json: .*number of inputs'
echo 's/"weight": "fc"/"wieght": "fc"/' | import 3 '^ounce: changed.json: y: .*weight'
echo 's/"fc"}/"fc", "activation": "relu"}/' | import 3 '^ounce: changed.json: y: this operator takes no attribute .activation.'
echo 's/"N", 2/"N", 3/' | import 3 '^ounce: changed.json: y: .*fc reads 2 inputs, got 3'
echo 's/"fc"/"absent"/' | import 3 '^ounce: weights: absent: .*no tensor absent.weight'

weights() { # weights PATTERN: made from stdin as the file "changed"
    refused 3 "$1" import -g graph.json -w changed -o out.safetensors
    absent out.safetensors
}
zeros 24 | safetensors changed "$(echo "$header" | sed s/fc.weight/fd.weight/)"
weights '^ounce: changed: fc: .*no tensor fc.weight'
zeros 24 | safetensors changed '{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
weights '^ounce: graph.json: y: .*fc reads 3 inputs, got 2'
zeros 24 | safetensors changed "$(echo "$header" | sed s/F32/I32/)"
weights '^ounce: changed: fc.weight: .*I32'
zeros 23 | safetensors changed "$header"
weights '^ounce: changed: fc.bias: .*\(at byte [0-9]+\)'
{ zeros 12 && printf '\000\000\300\177' && zeros 8; } | safetensors changed "$header"
weights '^ounce: changed: fc.weight: number 3 is NaN'
{ zeros 20 && printf '\000\000\200\377'; } | safetensors changed "$header"
weights '^ounce: changed: fc.bias: number 1 is .*infinite'

# The same numbers are refused by whoever reads the file later.
refused 3 '^ounce: changed: fc: bias 1 ' compress changed -m dense,codec=int8 -o out.safetensors
refused 1 '^ounce: changed: fc.bias: number 1 ' verify changed
{ zeros 12 && printf '\000\000\300\177' && zeros 8; } | safetensors changed "$header"
refused 3 '^ounce: changed: fc: .*index 3' compress changed -m dense,codec=int8 -o out.safetensors
absent out.safetensors
