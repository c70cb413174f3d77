# rules.awk - the rules of the house over C sources: who may include what, who may call what.
#
# Input: .c and .h files, named relative to the project's root.  Output: one line a breach.
# Every third-party header has one place; a header that no rule knows is a breach, so that a new
# dependency is a decision written down here.

BEGIN {
    # Layer -> the folders whose headers it may include, from the root.
    below["base"] = "base"
    below["formats"] = "base formats"
    below["kernels"] = "base formats kernels"
    below["runtime"] = "base formats kernels runtime"
    below["converters"] = "base formats converters"
    below["evaluate"] = "base evaluate"
    below["cli"] = "cli"
    below["server"] = "server"
    below["examples"] = "examples"
    below["include"] = ""

    # Header -> the only files (a pattern) that may include it; at most one file in each scope.
    place["xxhash.h"] = "^base/hash\\.c$"
    place["jsmn.h"] = "^base/json\\.c$"
    place["dnnl.h"] = "^kernels/"
    place["jansson.h"] = "^(converters|evaluate|cli|server)/"
    place["zlib.h"] = "^evaluate/inflate\\.c$"
    place["microhttpd.h"] = "^server/"
    place["cpuid.h"] = "^base/cpu\\.c$"

    split("assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign " \
          "stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time " \
          "uchar wchar wctype dirent fcntl fnmatch getopt glob libgen poll pthread regex sched strings " \
          "termios unistd sys/ioctl sys/mman sys/resource sys/select sys/socket sys/stat sys/statvfs " \
          "sys/time sys/types sys/uio sys/utsname sys/wait netinet/in netinet/tcp arpa/inet", words, " ")
    for (i in words) standard[words[i] ".h"] = 1

    library = "^(base|formats|kernels|runtime)$"
    never = "abort|assert|exit|_exit|_Exit|quick_exit|raise|printf|vprintf|fprintf|vfprintf|puts|fputs|putchar|perror|" \
            "getenv|secure_getenv|setenv|putenv|signal|sigaction|setlocale|fesetround|fesetenv|rand|srand"
    heap = "malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup"
    outside = "fopen|open|openat|mmap|read|write|pthread_create|oz_parallel"
}

function breach(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    breaches++
}

# The line without comments and without the contents of strings; block comments span lines.
function code(line,    out, c, two) {
    out = ""
    while (line != "") {
        two = substr(line, 1, 2)
        c = substr(line, 1, 1)
        if (in_comment) {
            in_comment = two != "*/"
            line = substr(line, in_comment ? 2 : 3)
        } else if (two == "/*") {
            in_comment = 1
            line = substr(line, 3)
        } else if (two == "//") {
            line = ""
        } else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^'([^'\\]|\\.)+'/)) {
            out = out c c
            line = substr(line, RLENGTH + 1)
        } else {
            match(line, /^([^\/"']+|.)/)
            out = out substr(line, 1, RLENGTH)
            line = substr(line, RLENGTH + 1)
        }
    }
    return out
}

function calls(text, names) {
    return match(" " text, "[^A-Za-z0-9_.>](" names ")[ \t]*\\(")
}

function check_own_header(name,    parts) {
    split(name, parts, "/")
    if (index(name, "/") == 0 || !(parts[1] in below) || parts[1] == "include")
        breach("\"" name "\": write our headers from the root, as \"base/error.h\", public ones as <ounce/ounce.h>")
    else if (name == "formats/container/safetensors.h" && FILENAME ~ /^evaluate\/dataset/)
        return # data sets are safetensors files too
    else if (index(" " below[layer] " ", " " parts[1] " ") == 0)
        breach("\"" name "\": " layer " may not include " parts[1])
    else if (layer == "converters" && parts[1] == "formats" && name !~ /^formats\/(container\/)?[^\/]*$/)
        breach("\"" name "\": converters may include formats/*.h and formats/container/*.h, not one format's own headers")
}

# Where the header may be used once: the scope is the layer for the tools' JSON, else the whole tree.
function check_place(name,    scope) {
    scope = name == "jansson.h" ? layer "/" name : name
    if (FILENAME !~ place[name])
        breach("<" name "> belongs to " place[name])
    else if ((scope in user) && user[scope] != FILENAME)
        breach("<" name "> is included by " user[scope] " already: one file only")
    else
        user[scope] = FILENAME
}

function check_system_header(name) {
    sub(/^oneapi\/dnnl\//, "", name)
    if (name in place) check_place(name)
    else if (name ~ /^ounce\//) {
        if (name == "ounce/tools.h" && layer ~ library) breach("<ounce/tools.h> is above " layer)
    } else if (name ~ /(intrin|arm_neon|arm_acle|arm_sve)\.h$/) {
        if (layer != "kernels") breach("<" name ">: intrinsics live under kernels/ alone")
    } else if (!(name in standard))
        breach("<" name ">: no rule knows this header; add its place to tests/house/rules.awk")
}

FNR == 1 {
    in_comment = 0
    split(FILENAME, path, "/")
    layer = path[1]
}

{
    raw = $0
    line = code($0)
}

line ~ /^[ \t]*#[ \t]*include/ {
    name = raw
    sub(/^[ \t]*#[ \t]*include[ \t]*["<]/, "", name)
    sub(/[">].*/, "", name)
    if (raw ~ /include[ \t]*"/) check_own_header(name)
    else if (raw ~ /include[ \t]*</) check_system_header(name)
    else if (layer ~ library && line !~ /include[ \t]+[A-Z_]+$/) breach("an include that cannot be read")
    next
}

(line ~ /#[ \t]*pragma[ \t]+omp/ || raw ~ /_Pragma\("omp/) {
    breach("threads are those of base/thread_pool.c, not OpenMP's")
}

line ~ /[^A-Za-z0-9_]_mm[0-9]*_[a-z]/ && layer != "kernels" { breach("intrinsics live under kernels/ alone") }

layer ~ library && calls(line, never) { breach("the library never calls " substr(line, RSTART, RLENGTH - 1)) }

layer ~ library && FILENAME !~ /^base\/memory\.[ch]$/ && calls(line, heap) {
    breach("memory comes from base/memory.h, not from " substr(line, RSTART, RLENGTH - 1))
}

layer == "kernels" && calls(line, outside) { breach("kernels use no files and no threads: " line) }

END { exit breaches > 0 }
