# formats/formats.def names the formats, one OZ_FORMAT(name) a line; C reads it as a table, and the
# build compiles formats/<name>/ and, where there is one, kernels/<name>/ for each line.

set(OZ_FORMAT_FOLDERS "")
set(OZ_KERNEL_FOLDERS "")
set(OZ_FORMATS_FILE ${PROJECT_SOURCE_DIR}/formats/formats.def)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${OZ_FORMATS_FILE})

file(STRINGS ${OZ_FORMATS_FILE} lines REGEX "^OZ_FORMAT\\([a-z0-9_]+\\)")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "^OZ_FORMAT\\(([a-z0-9_]+)\\).*" "\\1" format "${line}")
  list(APPEND OZ_FORMAT_FOLDERS formats/${format})
  list(APPEND OZ_KERNEL_FOLDERS kernels/${format})
endforeach()
