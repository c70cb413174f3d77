#!/bin/sh
# usage.sh - help, versions, and what is wrong with a command line: exit 2, one line, a suggestion.
. "$(dirname "$0")/common"

ok --help
printed '^usage: ounce VERB' 'inspect ' 'run ' 'plan ' 'compress ' 'compare ' 'import ' 'bench ' 'verify ' 'Exit codes'
ok --version
printed '^ounce [0-9]+\.[0-9]+\.[0-9]+ \((scalar|avx2|avx512|avx512vnni)\)$'

for verb in inspect run plan compress compare import bench verify; do
    ok "$verb" --help
    printed "^usage: ounce $verb " '--json' '--threads' '^examples:'
    [ "$(wc -l <../out)" -le 40 ] || fail "$verb --help does not fit a screen"
    [ "$(sed '1,/^examples:/d' ../out | wc -l)" = 2 ] || fail "$verb --help does not end with two examples"
    cp ../out ../help
    ok help "$verb"
    cmp -s ../out ../help || fail "help $verb is not $verb --help"
    refused 2 "$verb has no option --thread; did you mean --threads" "$verb" --thread 2 x
    refused 2 "$verb has no option --nonsensical; 'ounce $verb --help'" "$verb" --nonsensical
    refused 2 "$verb has no option -Z; 'ounce $verb --help'" "$verb" -Z
    refused 2 '--threads needs a value' "$verb" --threads
    refused 2 '--json takes no value' "$verb" --json=1
done

code=0
"$OUNCE" >../out 2>../err || code=$?
[ "$code" = 2 ] && [ ! -s ../out ] && grep -q '^usage: ounce VERB' ../err || fail "no arguments"

refused 2 "no verb 'inspct'; did you mean inspect" inspct model
refused 2 "no verb 'comprss'; did you mean compress" comprss
refused 2 "no verb 'frobnicate'; 'ounce --help'" frobnicate
refused 2 'usage: ounce inspect MODEL' inspect
refused 2 'usage: ounce inspect MODEL' inspect a b
refused 2 "--batch: '0' is not a whole number from 1" plan model --batch 0
refused 2 "--batch: '-1' is not" run model -i x --batch=-1
refused 2 "--batch: '1e9' is not" run model -i x -b 1e9
refused 2 "--batch: '99999999999999999999' is not" run model -i x -b99999999999999999999
refused 2 "--limit: '0' is not" run model -i x -n 0
refused 2 "--threads: '0' is not" inspect model -j 0
refused 2 '--threads: at most 4096' inspect model -j 4097
refused 2 "--budget: '40xx' is not a size" compress model -m dense -o out -b 40xx
refused 2 "--budget: '0' is not a size" compress model -m dense -o out -b 0
refused 2 "--budget: '-5k' is not a size" compress model -m dense -o out --budget=-5k
refused 2 "--budget: 'x' is not a list" compare model -d data -c data -b 64k,x
refused 2 "--sweep: ',' is not a list" compare model -d data -c data -b 64k --sweep ,
refused 2 'compare needs --data, --calib and --budget' compare model -b 64k
refused 2 'compress needs --output' compress model -m dense
refused 2 'compress needs --method or --recipe' compress model -o out
refused 2 'give --method or --recipe, not both' compress model -o out -m dense -r recipe
refused 2 '--correct: affine, bias or none' compress model -o out -m dense --correct=all
refused 2 '--correct=affine needs --calib' compress model -o out -m dense --correct=affine
refused 2 'give --json or --csv, not both' compare model -d data -c calib -b 64k --json --csv
refused 2 "unknown instruction set 'foo'; have scalar" inspect model --isa foo
refused 2 'import needs --graph, --weights and --output' import -g g
refused 2 'bench what' bench everything

code=0
OUNCE_THREADS=many "$OUNCE" inspect model 2>../err || code=$?
[ "$code" = 2 ] || fail "OUNCE_THREADS=many: exit $code"
one_line "OUNCE_THREADS: 'many' is not" environment

# After "--" a word is an argument, whatever it begins with.
refused 4 '^ounce: --json: cannot open' inspect -- --json
