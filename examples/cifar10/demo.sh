#!/bin/sh
# demo.sh - which compression of a trained network is worth its bytes?  Twelve methods and more on a
# ResNet-20, a smaller network and one trained with parameter sharing, at 160, 96 and 64 KiB, and a page of
# plots.  OUNCE names the command, OUT the folder for what it writes; further arguments go to compare.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/examples/cifar10
ounce=${OUNCE:-$root/build/release/ounce}
out=${OUT:-$root/build/demo}
mkdir -p "$out"

for net in resnet20 resnet8; do
    "$ounce" import --quiet --force --graph "$here/$net.json" --weights "$here/$net.safetensors" -o "$out/$net.safetensors"
done
cp "$here/shared.safetensors" "$out/resnet20-shared.safetensors"

"$ounce" compare "$out/resnet20.safetensors" "$out/resnet8.safetensors" --ready "$out/resnet20-shared.safetensors" \
    --data "$here/test.safetensors" --calib "$here/calibration.safetensors" \
    --budget 160KiB,96KiB,64KiB --sweep 48KiB,56KiB,80KiB,112KiB,128KiB,192KiB,256KiB,320KiB \
    --report "$out/report.html" --force "$@"
echo
echo "The page with plots: $out/report.html"
