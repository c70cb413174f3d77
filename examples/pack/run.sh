#!/bin/sh
# run.sh [PACK] - makes models of the networks of a pack of trained models (README.md says which), runs them on the
# pack's records and holds the number of correct ones against what is known; then compresses the linear layers of a
# vision transformer and times one.  OUNCE names the command, OUT the folder for what it writes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
pack=${1:-$root/../shared/data}
ounce=${OUNCE:-$root/build/release/ounce}
out=${OUT:-$root/build/pack}
vision=$pack/vision
cifar10=$root/examples/cifar10
here=$root/examples/pack
[ -d "$vision" ] || {
    echo "$0: there is no pack of models at $pack; name its folder" >&2
    exit 2
}
mkdir -p "$out"
status=0

network() { # network NAME GRAPH WEIGHTS DATA RECORDS CORRECT
    model=$out/$1.safetensors
    "$ounce" import --quiet --force --graph "$2" --weights "$vision/$3.safetensors" -o "$model"
    result=$("$ounce" run "$model" -i "$4" -n "$5")
    note=''
    case $result in
    "$6 of $5 correct"*) ;;
    *) note="  EXPECTED $6" status=1 ;;
    esac
    printf '%-20s %9d bytes  %s%s\n' "$1" "$(wc -c <"$model")" "$result" "$note"
}

images=$vision/cifar10/test_even.bin
network resnet20 "$cifar10/resnet20.json" cifar-jpeg/resnet20 "$images" 5000 4413
network resnet8 "$cifar10/resnet8.json" cifar-jpeg/resnet8 "$images" 5000 3938
network published-resnet20 "$cifar10/resnet20.json" cifar-resnet/resnet20-12fca82f "$images" 500 405
network published-resnet56 "$cifar10/resnet56.json" cifar-resnet/resnet56-4bfd9763 "$images" 500 414
network distiller-dense "$here/distiller-resnet20.json" distiller/checkpoint_trained_dense "$images" 500 399
network distiller-thin "$here/distiller-resnet20.json" \
    distiller/checkpoint_trained_channel_regularized_resnet20_finetuned "$images" 500 400

pictures=$out/pictures.safetensors
[ -e "$pictures" ] ||
    python3 "$here/pictures.py" "$vision/imagenet/a_224x224x3_u8.bin" "$vision/imagenet/a_labels.tsv" -o "$pictures"
network squeezenet "$here/squeezenet.json" squeezenet-dc/squeezenet_dc_decoded "$pictures" 40 29

# Attention is no operator, so of the transformer only the matrices are taken; they have no graph.
vit=$vision/vit-mnist/vit_mnist.safetensors
echo
"$ounce" inspect "$vit" | sed -n '/^layer  /,/^$/p'
for method in dense,codec=int8 dense,codec=int4 sparse,codec=int3,sparsity=0.4 nm:2:8,codec=int8 lowrank:8,codec=int8 \
    hashed,codec=int8,ratio=0.25 'dense,codec=int3 + lowrank:2,codec=int8'; do
    printf '%-40s ' "$method"
    "$ounce" compress "$vit" --quiet --force -m "$method" -o "$out/vit.safetensors"
    "$ounce" verify --quiet "$out/vit.safetensors"
    wc -c <"$out/vit.safetensors"
done
for method in dense sparse,codec=int3 nm:8,codec=int4 lowrank hashed,codec=int8; do
    printf '%-40s ' "$method, to 96 KiB"
    "$ounce" compress "$vit" --quiet --force -m "$method" -b 96KiB -o "$out/vit.safetensors"
    wc -c <"$out/vit.safetensors"
done
"$ounce" bench layer "$vit" --layer transformer.layers.0.1.fn.fn.net.0
exit $status
