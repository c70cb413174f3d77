#!/bin/sh
# full_disk.sh - outputs that cannot be written: an error, and nothing under the name or beside it.
. "$(dirname "$0")/common"
make_small

full() { # full ARGUMENT...: no file may be larger than 16 blocks of 512 bytes
    code=0
    (
        ulimit -f 16
        exec timeout 120 "$OUNCE" "$@" >../out 2>../err </dev/null
    ) || code=$?
    [ "$code" = 4 ] || fail "exit $code: ounce $*: $(cat ../err)"
    one_line 'cannot write' "ounce $*"
    no_remains
    absent out.safetensors out.npy
}
full compress small.safetensors -m dense,codec=int8 -o out.safetensors
full import -g small.json -w small.weights -o out.safetensors
tensor "$examples/resnet8.safetensors" layer3.0.conv2.weight | npy many.npy '|u1' '512, 288'
full run small.safetensors -i many.npy -o out.npy

# A file that is there already stays as it was.
echo precious >out.keep
ln out.keep kept
code=0
(
    ulimit -f 16
    exec "$OUNCE" compress small.safetensors -m dense,codec=int8 -o out.keep --force 2>../err
) || code=$?
[ "$code" = 4 ] || fail "exit $code"
[ "$(cat out.keep)" = precious ] || fail 'an old file was lost'
no_remains

if [ -c /dev/full ]; then
    for words in 'inspect small.safetensors' 'inspect small.safetensors --json' 'plan small.safetensors' \
        'run small.safetensors -i small.npy' 'verify small.safetensors' --help --version 'inspect --help'; do
        code=0
        timeout 60 "$OUNCE" $words >/dev/full 2>../err || code=$?
        [ "$code" = 4 ] || fail "exit $code: ounce $words >/dev/full"
        one_line 'cannot write to the standard output' "ounce $words"
    done
fi
