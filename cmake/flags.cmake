# How our own files are compiled and linked: the target ounce_flags, linked privately by each of them.
#
# No flag here may change results or tie the binaries to this machine; instruction sets beyond the
# baseline are granted file by file in isa.cmake.

add_library(ounce_flags INTERFACE)
target_compile_features(ounce_flags INTERFACE c_std_11)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

target_compile_definitions(ounce_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_compile_options(ounce_flags INTERFACE
  -ffp-contract=off
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wvla)
target_include_directories(ounce_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
target_link_libraries(ounce_flags INTERFACE m)

if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang") # gcc does not see that a failing function never returns OZ_OK; clang's check stays
  target_compile_options(ounce_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(OZ_WERROR)
  target_compile_options(ounce_flags INTERFACE -Werror)
endif()
if(OZ_ONEDNN)
  target_compile_definitions(ounce_flags INTERFACE OZ_ONEDNN)
endif()

if(OZ_SANITIZE)
  set(OZ_SANITIZE_FLAGS -fsanitize=${OZ_SANITIZE} -fno-sanitize-recover=all)
  target_compile_options(ounce_flags INTERFACE ${OZ_SANITIZE_FLAGS} -fno-omit-frame-pointer -O1 -g)
  target_link_options(ounce_flags INTERFACE ${OZ_SANITIZE_FLAGS})
endif()
if(OZ_COVERAGE)
  target_compile_options(ounce_flags INTERFACE --coverage -O0)
  target_link_options(ounce_flags INTERFACE --coverage)
endif()
