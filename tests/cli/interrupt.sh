#!/bin/sh
# interrupt.sh - Ctrl-C: exit 130, one line, no partial and no temporary file.
. "$(dirname "$0")/common"
[ -r /proc/self/status ] || exit 77
ok import -g "$examples/resnet20.json" -w "$examples/resnet20.safetensors" -o net.safetensors
ls -A >../before

# Does the process have a handler for SIGINT? It is bit 1 of the mask.
catches() {
    case $(sed -n 's/^SigCgt:.*\(.\)$/\1/p' "/proc/$1/status" 2>/dev/null) in
    [2367abefABEF]) return 0 ;;
    *) return 1 ;;
    esac
}

interrupt() { # interrupt SIGNAL ARGUMENT...
    signal=$1
    shift
    "$OUNCE" "$@" >../out 2>../err </dev/null &
    process=$!
    until catches $process; do
        kill -0 $process 2>/dev/null || fail "ended at once: ounce $*: $(cat ../err)"
        sleep 0.05
    done
    sleep 0.3
    kill "-$signal" $process || fail "too fast to interrupt: ounce $*"
    code=0
    wait $process || code=$?
    [ "$code" = 130 ] || fail "exit $code: ounce $*: $(cat ../err)"
    one_line '^ounce: interrupted$' "ounce $*"
    [ ! -s ../out ] || fail "ounce $* printed: $(cat ../out)"
    ls -A | cmp -s - ../before || fail "ounce $* left: $(ls -A)"
}
data=$examples/test.safetensors calibration=$examples/calibration.safetensors
interrupt INT compare net.safetensors -d "$data" -c "$calibration" -b 96KiB --report page.html
interrupt TERM compare net.safetensors -d "$data" -c "$calibration" -b 96KiB --report page.html
interrupt INT compress net.safetensors -o out.safetensors -m 'sparse + lowrank:2,codec=f16' --budget 96KiB -c "$calibration"
interrupt INT run net.safetensors -i "$data" -b 1 --isa scalar -j 1 -o out.npy
interrupt INT bench layer -r 1000 -q
