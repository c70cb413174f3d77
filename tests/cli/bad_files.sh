#!/bin/sh
# bad_files.sh - every verb, given files that are none of its kind: one clear line, no hanging, no output.
. "$(dirname "$0")/common"
make_small
: >empty
mkdir folder
mkfifo fifo
echo 'hello world, this is a text' >text
head -c 700 small.safetensors >cut_header
head -c "$(($(bytes_of small.safetensors) - 1))" small.safetensors >cut_data

each() { # each ARGUMENT...: with FILE in place of @
    for file in empty folder fifo /dev/zero text cut_header cut_data nowhere ''; do
        case $file in
        empty | text | cut_*) want=3 ;;
        *) want=4 ;;
        esac
        [ "$1" != verify ] || [ "$want" = 4 ] || want=1
        arguments=
        for word; do
            [ "$word" != @ ] || word=$file
            arguments="$arguments '$word'"
        done
        shown=${file:-"''"}
        eval 'refused "$want" "^ounce: $shown: "' "$arguments"
        ! grep -q "^ounce: $shown: $shown" ../err || fail "names the file twice: $(cat ../err)"
        absent out.safetensors out.npy
    done
}

each inspect @
each verify @
each plan @
each run @ -i small.npy -o out.npy
each compress @ -m dense,codec=int8 -o out.safetensors
each bench model @
each bench layer @ -m dense,codec=int8
each compare @ -d small.npy -c calibration.npy -b 64KiB
each import -g small.json -w @ -o out.safetensors
each run small.safetensors -i @ -o out.npy
each compress small.safetensors -m dense,codec=int8 -c @ -o out.safetensors
each compare small.safetensors -d @ -c calibration.npy -b 64KiB
each compare small.safetensors -d small.npy -c @ -b 64KiB

for file in folder fifo /dev/zero nowhere; do
    refused 4 "^ounce: $file: cannot open" compress small.safetensors -r "$file" -o out.safetensors
    refused 4 "^ounce: $file: (cannot open|is a)" import -g "$file" -w small.weights -o out.safetensors
done
refused 3 'is not a text' compress small.safetensors -r small.safetensors -o out.safetensors
absent out.safetensors

# A file of weights without a graph cannot run, but everything else can be done with it.
refused 3 'has no graph' run small.weights -i small.npy
refused 3 'one f32 input and one output' bench model small.weights
ok inspect small.weights
printed 'no graph'
ok compress small.weights -m dense,codec=int8 -o out.safetensors
ok verify out.safetensors
