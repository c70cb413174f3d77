# What a builder may choose.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# oneDNN brings GCC's OpenMP runtime, clang brings its own, and two in one process do not mix.
set(OZ_CLANG OFF)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  set(OZ_CLANG ON)
endif()
set(OZ_ONEDNN_DEFAULT ON)
if(OZ_CLANG)
  set(OZ_ONEDNN_DEFAULT OFF)
endif()

option(OZ_OPENMP "Run parallel loops with OpenMP" ON)
option(OZ_ONEDNN "Offer oneDNN as a rival for dense layers" ${OZ_ONEDNN_DEFAULT})
option(OZ_WERROR "Turn warnings into errors" ${PROJECT_IS_TOP_LEVEL})
option(OZ_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(OZ_COVERAGE "Count executed lines for gcov" OFF)
set(OZ_SANITIZE "" CACHE STRING "Sanitizers to build with, as in -fsanitize=")

if(OZ_CLANG AND OZ_OPENMP AND OZ_ONEDNN)
  message(FATAL_ERROR "With clang, OZ_OPENMP and OZ_ONEDNN exclude each other: turn one of them OFF.")
endif()

set(OZ_SHARED_DATA_DEFAULT "")
if(EXISTS ${PROJECT_SOURCE_DIR}/../shared/data)
  get_filename_component(OZ_SHARED_DATA_DEFAULT ${PROJECT_SOURCE_DIR}/../shared/data REALPATH)
endif()
set(OZ_SHARED_DATA "${OZ_SHARED_DATA_DEFAULT}" CACHE PATH "Optional pack of models and data for the tests")
